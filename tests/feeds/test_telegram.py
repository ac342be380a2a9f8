from __future__ import annotations

import dataclasses

import pytest

from bench import telegram as bench_telegram
from storage.errors import BadPage
from storage.model import Post
from tests.feeds.golden import pairs
from tests.feeds.pages import NOW, page
from watchers.feeds import telegram
from watchers.feeds.telegram import Settings

URL = "https://t.me/s/night_antiques"
CHANNEL = next(pair for pair in pairs("telegram") if pair.name == "channel")
POSTS = {int(post.post_id.rpartition("/")[2]): post for post in CHANNEL.read().posts}


def extra(post: Post, name: str) -> list[str]:
    return [value for key, value in post.extra if key == name]


def test_a_real_channel_is_read_whole() -> None:
    if not bench_telegram.DATA.is_file():
        pytest.skip(f"{bench_telegram.DATA.name} is not here")
    assert bench_telegram.run([]).met


def test_every_real_sample_with_a_message_is_read() -> None:
    if not bench_telegram.DATA.is_file():
        pytest.skip(f"{bench_telegram.DATA.name} is not here")
    for name in ("text", "poll", "sticker", "voice", "media_file", "media_round_video", "with_from_author"):
        body = bench_telegram.page(bench_telegram.DATA, f"message_{name}.html")
        (post,) = telegram.parse(page(body, url=URL), Settings(), NOW).posts
        assert post.posted_at is not None
        assert post.text or post.pictures or extra(post, "sticker")


def test_emoji_faces_maps_and_what_is_replied_to_are_no_pictures() -> None:
    assert [picture.url[-8:] for picture in POSTS[101].pictures] == ["p101.jpg"]
    assert POSTS[105].pictures == ()
    assert [picture.url[-11:] for picture in POSTS[109].pictures] == ["preview.jpg"]
    assert POSTS[101].text.startswith("Old beads 🐘\n\nPrice: 1200")


def test_a_reply_keeps_its_own_words_apart_from_those_it_answers() -> None:
    assert POSTS[105].text == "Still for sale"
    assert extra(POSTS[105], "reply_to") == ["https://t.me/night_antiques/101"]
    assert "Old beads" in extra(POSTS[105], "reply_to_text")[0]


def test_albums_keep_every_picture_in_order_and_films_their_still() -> None:
    assert [picture.url[-8:] for picture in POSTS[102].pictures] == ["g102.jpg", "g103.jpg"]
    assert [(picture.role, picture.url[-4:]) for picture in POSTS[104].pictures] == [("poster", "v104")]
    assert extra(POSTS[104], "video") == ["https://cdn4.telegram-cdn.org/file/v104.mp4?token=abc"]
    assert extra(POSTS[104], "forwarded_from") == ["Other shop"]
    assert extra(POSTS[104], "forwarded_from_url") == ["https://t.me/other/9"]


def test_the_edited_mark_is_seen_in_any_language_and_nowhere_else() -> None:
    assert POSTS[101].edited
    assert not POSTS[102].edited
    body = CHANNEL.body.replace(b"edited ", "изменено ".encode())
    assert telegram.parse(page(body, url=URL), Settings(), NOW).posts[0].edited
    body = CHANNEL.body.replace(b"edited ", b"")
    assert not telegram.parse(page(body, url=URL), Settings(), NOW).posts[0].edited


def test_polls_stickers_voice_documents_places_and_buttons_are_kept() -> None:
    assert POSTS[106].text == "Which cup?\n- Horn\n- Bone"
    assert extra(POSTS[106], "poll_share") == ["60%", "40%"]
    assert [picture.url[-12:] for picture in POSTS[107].pictures] == ["sticker.webp"]
    assert extra(POSTS[108], "voice") == ["https://cdn4.telegram-cdn.org/file/v.ogg?token=x"]
    assert extra(POSTS[108], "document") == ["price list.pdf"]
    assert POSTS[109].location == "Night market, Kunming"
    assert extra(POSTS[109], "button") == ["Order https://t.me/mei88?start=1"]
    assert extra(POSTS[109], "preview_title") == ["Horn cup"]
    assert extra(POSTS[110], "service") == ["yes"]


def test_contacts_behind_words_are_not_lost() -> None:
    assert "here https://wa.me/8613800000000" in extra(POSTS[101], "link")


def test_views_and_shares_do_not_look_like_edits() -> None:
    body = CHANNEL.body.replace(b"1.2K", b"1.9K").replace(b"60%", b"75%").replace(b">222<", b">333<")
    again = telegram.parse(page(body, url=URL), Settings(), NOW).posts
    assert [post.digest() for post in again] == [post.digest() for post in POSTS.values()]


def test_newly_signed_picture_addresses_do_not_look_like_edits() -> None:
    body = CHANNEL.body.replace(b"file/p101.jpg", b"file/signed-anew.jpg").replace(
        b"file/g102", b"file/other"
    )
    again = telegram.parse(page(body, url=URL), Settings(), NOW).posts
    assert [post.digest() for post in again[:2]] == [POSTS[101].digest(), POSTS[102].digest()]
    swapped = CHANNEL.body.replace(b"5312449137687510583", b"5312449137687510999")
    assert telegram.parse(page(swapped, url=URL), Settings(), NOW).posts[0].digest() != POSTS[101].digest()


def test_pictures_of_link_previews_can_be_left_out() -> None:
    listing = telegram.parse(CHANNEL.response, Settings(link_pictures=False), NOW)
    assert next(post for post in listing.posts if post.post_id.endswith("/109")).pictures == ()


def test_a_card_without_messages_says_why() -> None:
    with pytest.raises(BadPage, match="previews off"):
        telegram.parse(page('<div class="tgme_page"></div>', url=URL), Settings(), NOW)
    with pytest.raises(BadPage, match="not a Telegram channel"):
        telegram.parse(page("<html></html>", url=URL), Settings(), NOW)


def test_the_embed_of_a_message_is_its_detail_and_a_missing_one_is_told() -> None:
    embed = next(pair for pair in pairs("telegram") if pair.name == "embed")
    whole = telegram.detail(embed.response, POSTS[101], Settings(), NOW)
    assert (whole.post_id, whole.text) == (POSTS[101].post_id, "Old beads")
    gone = page('<div class="tgme_widget_message_error">Post not found</div>', url=URL)
    with pytest.raises(BadPage, match="Post not found") as bad:
        telegram.detail(gone, POSTS[101], Settings(), NOW)
    assert bad.value.field == "post"
    card = page('<meta property="og:description" content="x"><div class="tgme_page"></div>', url=URL)
    assert telegram.detail(card, POSTS[101], Settings(), NOW) == POSTS[101]


def test_messages_of_a_mirror_keep_the_mirror_s_address() -> None:
    body = CHANNEL.body.replace(b"https://t.me/", b"http://127.0.0.9:8080/")
    posts = telegram.parse(page(body, url="http://127.0.0.9:8080/s/night_antiques"), Settings(), NOW).posts
    assert posts[0].url == "http://127.0.0.9:8080/night_antiques/101"
    foreign = CHANNEL.body.replace(
        b'date" href="https://t.me/night_antiques/101"', b'date" href="https://evil.example/x"'
    )
    assert (
        telegram.parse(page(foreign, url=URL), Settings(), NOW).posts[0].url
        == "https://t.me/night_antiques/101"
    )


@pytest.mark.parametrize(
    ("url", "watch"),
    [
        ("https://t.me/s/night_antiques?before=20", "https://t.me/s/night_antiques"),
        ("https://telegram.me/s/night_antiques", "https://t.me/s/night_antiques"),
        ("http://127.0.0.1:8000/s/night_antiques?q=x", "http://127.0.0.1:8000/s/night_antiques"),
    ],
)
def test_a_channel_is_recognised_and_watched_at_its_newest_page(url: str, watch: str) -> None:
    found = telegram.recognise(dataclasses.replace(CHANNEL.response, url=url), NOW)
    assert found is not None
    assert (found.url, found.kind) == (watch, "telegram")
    assert found.confidence > 0.9


def test_a_card_that_links_its_preview_leads_there() -> None:
    card = (
        '<div class="tgme_page"><a class="tgme_page_context_link" href="/s/night">Preview channel</a></div>'
    )
    found = telegram.recognise(page(card, url="https://t.me/night"), NOW)
    assert found is not None
    assert found.url == "https://t.me/s/night"


@pytest.mark.parametrize("keys", [{"max_pages": 0}, {"max_items": 0}])
def test_a_wrong_setting_is_told_by_its_key(keys: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(keys))):
        Settings(**keys)  # type: ignore[arg-type]

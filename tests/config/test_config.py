"""What a right configuration becomes, and what cannot work together."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import pytest

from bot.config import ConfigErrors, locate, past_review
from bot.glance import data_dir, lexicons, names, target_named, twice, visitor
from bot.settings.checks import header_name, same_page
from bot.settings.together import crowded
from storage.errors import ConfigError
from storage.model import HostLimit, NightWindow, Tier
from tests.config.kinds import HEAD, KINDS, Plain, Rich, Selector, load, mistakes, only, target, write

FULL = """
[nightjar]
contact = "https://example.org/watch"
data_dir = "kept"
allow = ["intranet.example", "10.0.0.0/8", "[fd00::]/8:8080", "*.lan", "127.0.0.1:8080"]
admin_channels = ["duty"]
lexicons = ["terms.tsv"]
gallery = "known"
metrics = "[::1]:0"
picture_workers = 3
log_level = "debug"

[hosts."Market.Example.Org"]
requests_per_s = 0.5
concurrency = 2

[[channel]]
name = "duty"
kind = "ndjson"
min_tier = "high"
jurisdictions = ["CN-YN"]
tags = ["ivory"]

[[target]]
name = "market"
kind = "rich"
url = "https://market.example.org/list"
interval = "1m"
day_interval = "1h"
window = { start = 20:30:00, end = "05:15" }
zone = "Asia/Kolkata"
jurisdiction = "CN-YN"
tags = ["ivory", "horn"]
legal_basis = "Art. 341"
authorised_by = "Forest police"
review_after = 2027-06-30
robots_override = "the court order of 3 May covers the whole site"
headers = { "Accept-Language" = "zh-CN" }
timeout = "10s"
max_body = "2MB"
max_pictures = 5
vigil_sample = 1

[target.rules]
item = "li.post"
fields = { title = "h2", price = { css = ".price" } }
steps = [{ css = "a", attribute = "href" }]
"""


def full(folder: Path) -> Path:
    (folder / "terms.tsv").write_text("", encoding="utf-8")
    (folder / "known").mkdir(exist_ok=True)
    return write(folder, FULL)


def test_every_key_reaches_the_frozen_words(tmp_path: Path) -> None:
    config = load(full(tmp_path))
    (one,) = config.targets
    assert one.rules == Rich(
        item="li.post",
        fields={"title": "h2", "price": Selector(css=".price")},
        steps=(Selector(css="a", attribute="href"),),
    )
    assert one.window == NightWindow(start="20:30", end="05:15", zone="Asia/Kolkata")
    assert (one.interval_s, one.day_interval_s, one.timeout_s) == (60, 3600, 10)
    assert (one.max_body_bytes, one.max_pictures, one.vigil_sample) == (2_000_000, 5, 1)
    assert one.headers == (("Accept-Language", "zh-CN"),)
    assert one.host_limit == HostLimit(requests_per_s=0.5, concurrency=2)
    assert one.authority.review_after == date(2027, 6, 30)
    assert (one.jurisdiction, one.tags) == ("CN-YN", ("ivory", "horn"))
    assert one.robots_override.startswith("the court order")


def test_the_text_that_is_logged_tells_of_headers_only_their_names(tmp_path: Path) -> None:
    config = load(full(tmp_path))
    (stanza,) = config.stanzas
    assert "Accept-Language" in stanza
    assert "zh-CN" not in stanza
    assert config.targets[0].digest == hashlib.sha256(stanza.encode()).hexdigest()


@pytest.mark.parametrize(
    "name",
    ["Cookie", "X-Subscription-Key", "X-Api_Key", "X-Sid", "PHPSESSID", "X-JWT", "X-Login", "X-Pwd", "X-Sig"],
)
def test_headers_that_speak_of_a_log_in_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="log-ins are out of scope"):
        header_name(name)


@pytest.mark.parametrize("name", ["Accept-Language", "X-Author", "X-Keyword", "X-Requested-With"])
def test_other_headers_may_be_configured(name: str) -> None:
    assert header_name(name) == name


def test_every_path_is_absolute_and_beside_the_file(tmp_path: Path) -> None:
    config = load(full(tmp_path))
    assert config.data_dir == tmp_path / "kept"
    assert config.lexicons == (tmp_path / "terms.tsv",)
    assert config.gallery == tmp_path / "known"
    assert config.files == (tmp_path / "config.toml",)
    assert config.metrics == ("::1", 0)
    assert (config.picture_workers, config.log_level) == (3, "debug")
    assert config.hosts == (("market.example.org", HostLimit(requests_per_s=0.5, concurrency=2)),)


def test_a_channel_says_what_it_wants(tmp_path: Path) -> None:
    (duty,) = load(full(tmp_path)).channels
    assert duty.wants(Tier.URGENT, jurisdiction="CN-YN", tags=("ivory", "x"))
    assert not duty.wants(Tier.NORMAL, jurisdiction="CN-YN", tags=("ivory",))
    assert not duty.wants(Tier.NONE, jurisdiction="CN-YN", tags=("ivory",))
    assert not duty.wants(Tier.URGENT, jurisdiction="MM", tags=("ivory",))
    assert not duty.wants(Tier.URGENT, jurisdiction="CN-YN", tags=("horn",))


def test_without_channels_alerts_go_to_console_and_ndjson(tmp_path: Path) -> None:
    config = load(write(tmp_path, HEAD + target()))
    assert [(c.name, c.kind) for c in config.channels] == [("console", "console"), ("ndjson", "ndjson")]
    assert config.admin_channels == ("console", "ndjson")
    assert all(c.wants(Tier.NORMAL) for c in config.channels)


def test_a_channel_without_a_name_is_called_by_its_kind(tmp_path: Path) -> None:
    config = load(write(tmp_path, HEAD + '[[channel]]\nkind = "ndjson"\npath = "a.ndjson"\n'))
    assert config.channels[0].name == "ndjson"
    assert config.channels[0].settings.path == "a.ndjson"  # type: ignore[attr-defined]


def test_defaults_hold_for_what_is_left_out(tmp_path: Path) -> None:
    config = load(write(tmp_path, HEAD + target()))
    (one,) = config.targets
    assert one.rules == Plain()
    assert (one.interval_s, one.day_interval_s) == (30, None)
    assert one.window == NightWindow(start="21:00", end="06:00", zone="UTC")
    assert config.data_dir == tmp_path / "data"
    assert config.metrics == ("127.0.0.1", 9108)


def test_times_on_the_page_are_in_the_target_s_zone_unless_the_rules_name_another(tmp_path: Path) -> None:
    there = 'zone = "Asia/Tokyo"\n'
    text = target("a", there) + target("b", there + '[target.rules]\nzone = "Asia/Kolkata"') + target("c")
    found = [t.rules for t in load(write(tmp_path, HEAD + text)).targets]
    assert found == [Plain(zone="Asia/Tokyo"), Plain(zone="Asia/Kolkata"), Plain(zone="UTC")]
    assert only(write(tmp_path, HEAD + target(extra='zone = "Asia/Tokio"'))).key == "zone"


def test_targets_of_all_files_come_in_the_order_of_the_files(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + target("main"), b=target("b"), a=target("a1") + target("a2"))
    (tmp_path / "targets.d" / ".a.toml").write_text("not read", encoding="utf-8")
    (tmp_path / "targets.d" / "a.toml~").write_text("not read", encoding="utf-8")
    assert [t.name for t in load(path).targets] == ["main", "a1", "a2", "b"]


def test_a_target_past_its_review_is_marked_and_the_others_run(tmp_path: Path) -> None:
    path = write(
        tmp_path, HEAD + target("old", review_after="2026-11-23") + target("today", review_after="2026-11-24")
    )
    config = load(path)
    assert config.expired == ("old",)
    assert [t.name for t in config.targets] == ["old", "today"]
    assert [past_review(t, date(2026, 11, 24)) for t in config.targets] == [True, False]


@pytest.mark.parametrize(
    ("given", "open_keys"),
    [
        ({"legal_basis": '"TODO"'}, ("legal_basis",)),
        ({"authorised_by": '" "', "legal_basis": ""}, ("legal_basis", "authorised_by")),
        ({"review_after": '"<a date without quotes>"'}, ("review_after",)),
        ({"review_after": ""}, ("review_after",)),
    ],
)
def test_a_target_whose_authority_is_open_is_left_out_alone_and_told(
    tmp_path: Path, given: dict[str, str], open_keys: tuple[str, ...]
) -> None:
    config = load(write(tmp_path, HEAD + target("right"), more=target("new", **given)))
    assert [t.name for t in config.targets] == ["right"]
    assert [(one.name, one.keys) for one in config.unfilled] == [("new", open_keys)]
    assert {(m.file, m.key) for m in config.mistakes} == {("targets.d/more.toml", key) for key in open_keys}
    assert len(config.stanzas) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        target("new", legal_basis="5"),
        target("new", review_after='"soon"'),
        target("new", 'intervall = "30s"', legal_basis='"TODO"'),
        target("right", legal_basis='"TODO"'),
        target("new", legal_basis='"TODO"', kind='"no such kind"'),
    ],
    ids=["a wrong type", "no date", "another key", "a name used twice", "an unknown kind"],
)
def test_a_mistake_beside_an_open_authority_still_stops_the_start(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ConfigErrors):
        load(write(tmp_path, HEAD + target("right"), more=wrong))


def test_a_target_s_digest_names_its_table_whatever_its_form(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    config = load(write(tmp_path / "a", HEAD + target(extra='tags = ["x"] # note')))
    shuffled = "\n".join(["[[target]]", 'tags = [\n "x",\n]', *reversed(target().strip().splitlines()[1:])])
    other = load(write(tmp_path / "b", HEAD + shuffled))
    assert config.targets[0].digest == other.targets[0].digest
    assert config.digest != other.digest
    assert config.targets[0].digest == hashlib.sha256(config.stanzas[0].encode()).hexdigest()
    assert json.loads(config.stanzas[0])["review_after"] == "2027-06-30"
    changed = load(write(tmp_path / "b", HEAD + target(extra='tags = ["y"]')))
    assert changed.targets[0].digest != config.targets[0].digest


@pytest.mark.parametrize(
    "other",
    [
        "http://Forum.Example/list?f=7",
        "https://forum.example.:443/list/?f=7#new",
        " https://forum.example/list?f=7",
    ],
)
def test_addresses_of_one_page_are_known_as_such(other: str) -> None:
    assert same_page(other) == same_page("https://forum.example/list?f=7") != ""


@pytest.mark.parametrize(
    "other",
    [
        "https://forum.example/list?f=8",
        "https://forum.example:8443/list?f=7",
        "https://forum.example/List?f=7",
    ],
)
def test_addresses_of_different_pages_stay_different(other: str) -> None:
    assert same_page(other) not in (same_page("https://forum.example/list?f=7"), "")


def test_a_page_that_is_watched_twice_is_named_with_both_targets(tmp_path: Path) -> None:
    again = target("b", url='"http://A.example.org:80/list/"')
    path = write(tmp_path, HEAD + target("a") + target("c"), more=again)
    (told,) = twice(path)
    assert told.startswith('targets.d/more.toml: [[target]] #1 "b" watches the same page as')
    assert 'config.toml: [[target]] #1 "a"' in told
    assert [t.name for t in load(path).targets] == ["a", "c", "b"]


# --- together -----------------------------------------------------------------


def test_names_are_unique_over_all_files_whatever_their_case(tmp_path: Path) -> None:
    found = only(write(tmp_path, HEAD + target("Market"), more=target("market")))
    assert (found.file, found.table, found.key) == ("targets.d/more.toml", '[[target]] #1 "market"', "name")
    assert "config.toml: [[target]] #1" in found.why


def crowd(per_s: str) -> str:
    """Twenty-one listings of one host, every 20 seconds."""
    many = "".join(target(f"t{n}", url='"https://one.example.org/"') for n in range(21))
    many = many.replace("authorised_by", 'interval = "20s"\nauthorised_by')
    return HEAD + f'[hosts."one.example.org"]\nrequests_per_s = {per_s}\n' + many


def test_listings_that_do_not_even_fit_when_stretched_are_told(tmp_path: Path) -> None:
    found = only(write(tmp_path, crowd("0.1")))
    assert (found.table, found.key) == ('[[target]] #21 "t20"', "interval")
    assert "one.example.org" in found.allowed


def test_more_requests_for_the_host_or_other_nights_make_them_fit(tmp_path: Path) -> None:
    assert not mistakes(write(tmp_path, crowd("0.2")))
    moved = crowd("0.1").replace("authorised_by", 'zone = "Asia/Tokyo"\nauthorised_by', 8)
    assert not mistakes(write(tmp_path, moved))


def test_a_host_that_is_asked_for_more_than_its_limit_is_warned_of(tmp_path: Path) -> None:
    (warning,) = crowded(load(write(tmp_path, crowd("0.5"))).targets)
    assert "one.example.org ask 2.1 times its 0.5 requests" in warning
    assert not crowded(load(write(tmp_path, crowd("2"))).targets)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://10.1.2.3/",
        "http://[::1]/",
        "http://localhost/",
        "http://169.254.169.254/",
        "https://shop.example.org:8443/",
    ],
)
def test_an_address_that_the_guard_refuses_needs_an_exception(tmp_path: Path, url: str) -> None:
    found = only(write(tmp_path, HEAD + target(url=f'"{url}"')))
    assert found.key == "url"
    assert "allow" in found.allowed
    assert not mistakes(write(tmp_path, HEAD + 'allow = ["10.0.0.0/8"]\n' + target(url=f'"{url}"')))


@pytest.mark.parametrize(
    "entry",
    [
        "10.0.0.0/8",
        "127.0.0.1",
        "127.0.0.0/8:8080",
        "::1",
        "[::1]:80",
        "fd00::/8",
        "a.example",
        "*.lan",
        "a.example:8080",
        "*",
        "a b",
        "a/b",
        "x:99999",
        "10.0.0.0/40",
        "http://a",
        "",
        "a:b",
        "[::1",
        "*.lan:80",
    ],
)
def test_exceptions_are_judged_as_the_guard_judges_them(tmp_path: Path, entry: str) -> None:
    from watchers.guard import read_allow

    found = mistakes(write(tmp_path, HEAD + f'allow = ["{entry}"]\n'))
    try:
        read_allow(entry)
    except ValueError:
        assert found
    else:
        assert not found or entry == "*"  # the guard takes * for a host of that name


def test_filters_that_no_target_passes_are_told(tmp_path: Path) -> None:
    channel = '[[channel]]\nkind = "ndjson"\ntags = ["ivori"]\n'
    found = only(write(tmp_path, HEAD + channel + target(extra='tags = ["ivory"]')))
    assert (found.table, found.key, found.nearest) == ('[[channel]] #1 "ndjson"', "tags", "ivory")


def test_a_mistake_does_not_hide_another_that_only_shows_together(tmp_path: Path) -> None:
    text = """
        legal_bases = 1
        interval = 1
        window = { start = "06:00", end = "06:00" }
        [target.rules]
        max_pages = "2"
    """
    found = mistakes(write(tmp_path, HEAD + target(extra=text, url='"http://127.0.0.1/"', legal_basis="")))
    assert {m.key for m in found} == {"legal_bases", "interval", "window", "rules.max_pages", "url"}


def test_a_kind_s_own_objection_is_told_beside_others_and_at_its_key(tmp_path: Path) -> None:
    rules = (
        '[target.rules]\nitem = "li"\ncolour = "pink"\nmax_pages = 3\nlanguage = 1\nsteps = [{ csss = "a" }]'
    )
    found = mistakes(write(tmp_path, HEAD + target(extra=rules, kind='"rich"')))
    told = {m.key: m for m in found}
    assert told["rules.colour"].why == 'must be "auto" or "never"'
    assert told["rules.max_pages"].why == "needs a selector in next"
    assert told["rules.steps[1].csss"].nearest == "css"
    assert "rules.language" in told
    assert len(found) == 4


def test_an_objection_about_a_key_that_is_wrong_itself_is_not_believed(tmp_path: Path) -> None:
    rules = '[target.rules]\nitem = "li"\nmax_pages = 3\nnext = 5'
    assert only(write(tmp_path, HEAD + target(extra=rules, kind='"rich"'))).key == "rules.next"


def test_members_of_a_union_complain_in_one_line(tmp_path: Path) -> None:
    rules = "[target.rules]\nitem = 'li'\nfields = { a = 5, b = { css = 5 }, c = { attribute = 'x' } }"
    found = mistakes(write(tmp_path, HEAD + target(extra=rules, kind='"rich"')))
    assert [m.key for m in found] == ["rules.fields.a", "rules.fields.b.css", "rules.fields.c.css"]
    assert found[0].why == "must be a table or text in quotes"


def test_a_key_in_the_wrong_table_is_sent_to_the_right_one(tmp_path: Path) -> None:
    found = only(write(tmp_path, HEAD + target(extra='[target.rules]\njurisdiction = "CN"')))
    assert "above [target.rules], in [[target]]" in found.why
    found = only(write(tmp_path, HEAD + target(extra="max_pages = 2")))
    assert "into [target.rules]" in found.why


def test_a_mistake_reads_as_a_line_with_file_table_key_and_nearest_name(tmp_path: Path) -> None:
    found = only(
        write(tmp_path, HEAD + target("a") + target("b") + target("market", extra='intervall = "30s"'))
    )
    assert str(found) == (
        'config.toml: [[target]] #3 "market": intervall: unknown key "intervall" (did you mean "interval"?)'
        f" (line {found.line})"
    )
    assert (tmp_path / "config.toml").read_text().splitlines()[found.line - 1].startswith("intervall")


def test_one_broken_file_does_not_hide_the_mistakes_of_another(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "x = [\n", a="[[target]\n", b=target(extra="zone = 5"))
    assert {(m.file, m.key) for m in mistakes(path)} == {
        ("config.toml", "x"),
        ("targets.d/a.toml", ""),
        ("targets.d/b.toml", "zone"),
    }


def test_no_message_holds_a_secret(tmp_path: Path) -> None:
    token = "123456789:AAabcdefghijklmnopqrstuvwxyz0123456"  # the form of a bot token, of no bot
    text = f"""
        url = "https://user:hunter2@a.example.org/"
        zone = "{token}"
        jurisdiction = "{token}"
        [target.rules]
        password = "hunter2"
        "{token}" = 1
    """
    found = mistakes(write(tmp_path, HEAD + target(extra=text, url="") + f'[[channel]]\nkind = "{token}"\n'))
    told = "\n".join(json.dumps(m.facts()) for m in found)
    assert len(found) >= 6
    assert "hunter2" not in told
    assert token not in told


@pytest.mark.parametrize("name", ["a/b", "", "-a", "a\\nb", "..", "x" * 64, "a ", "a\\u202eb"])
def test_names_that_could_harm_a_command_line_or_a_path_are_refused(tmp_path: Path, name: str) -> None:
    assert only(write(tmp_path, HEAD + target("x").replace('name = "x"', f'name = "{name}"'))).key == "name"


@pytest.mark.parametrize("name", ["闲鱼 昆明", "Рынок-2", "a.b_c"])
def test_names_of_any_script_are_welcome(tmp_path: Path, name: str) -> None:
    assert (
        load(write(tmp_path, HEAD + target("x").replace('name = "x"', f'name = "{name}"'))).targets[0].name
        == name
    )


# --- where it is ----------------------------------------------------------------


def test_the_configuration_is_found_in_its_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if not Path("/etc/nightjar/config.toml").exists():
        with pytest.raises(ConfigError, match="NIGHTJAR_CONFIG"):
            locate(None, {})
    here = write(tmp_path, HEAD)
    assert locate(None, {}) == here
    other = tmp_path / "other.toml"
    other.write_text(HEAD)
    assert locate(None, {"NIGHTJAR_CONFIG": str(other)}) == other
    assert locate(here, {"NIGHTJAR_CONFIG": str(other)}) == here
    with pytest.raises(ConfigError, match="no such file"):
        locate(tmp_path / "none.toml", {})


def test_evidence_is_found_though_targets_have_mistakes(tmp_path: Path) -> None:
    path = write(
        tmp_path, '[nightjar]\ndata_dir = "kept"\nlexicons = ["a.tsv", "none"]\n[[target]]\nkind = x\n'
    )
    (tmp_path / "a.tsv").write_text("")
    assert data_dir(path) == tmp_path / "kept"
    assert lexicons(path) == (tmp_path / "a.tsv",)


@pytest.mark.parametrize("line", ["data_dir = 5", "data_dir = x", 'data_dir = ""'])
def test_a_data_folder_that_cannot_be_known_is_not_guessed(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError):
        data_dir(write(tmp_path, f"[nightjar]\n{line}\n"))


def test_one_target_is_read_for_a_try_whatever_stands_beside_it(tmp_path: Path) -> None:
    path = write(
        tmp_path, HEAD + "x = [\n" + target("bad", "zone = 5"), more=target("new", legal_basis='"TODO"')
    )
    one = target_named(path, "new", feeds=KINDS.__getitem__, feed_kinds=tuple(KINDS))
    assert (one.name, one.rules) == ("new", Plain())
    assert names(path) == ("bad", "new")
    with pytest.raises(ConfigError, match="zone"):
        target_named(path, "bad", feeds=KINDS.__getitem__, feed_kinds=tuple(KINDS))
    with pytest.raises(ConfigError, match='did you mean "new"'):
        target_named(path, "newer", feeds=KINDS.__getitem__, feed_kinds=tuple(KINDS))


def test_a_visitor_has_a_contact_or_does_not_go(tmp_path: Path) -> None:
    head = HEAD + 'allow = ["10.0.0.0/8"]\nlog_level = "x"\n[hosts."a.example"]\nconcurrency = 3\n'
    who = visitor(write(tmp_path, head))
    assert (who.contact, who.allow) == ("watch@example.org", ("10.0.0.0/8",))
    assert dict(who.hosts) == {"a.example": HostLimit(concurrency=3)}
    for text in ("[nightjar]\n", '[nightjar]\ncontact = "nobody"\n', "x = ["):
        with pytest.raises(ConfigError, match="contact"):
            visitor(write(tmp_path, text))

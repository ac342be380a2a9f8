"""django-machina as a site of its own: one forum, topics with pictures and answers. See `_program`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench._program import Deed, Facts, configure, media, picture, prose, serve, templates, ware

urlpatterns: list[Any] = []
PUBLIC = ["can_see_forum", "can_read_forum", "can_download_file"]


def main(folder: Path, port: int) -> None:
    """Set the forum up and serve it."""
    from machina import MACHINA_MAIN_STATIC_DIR, MACHINA_MAIN_TEMPLATE_DIR

    names = (
        "forum_conversation forum_conversation.forum_attachments forum_conversation.forum_polls forum_feeds "
    )
    names += "forum_moderation forum_search forum_tracking forum_member forum_permission"
    apps = ["mptt", "haystack", "widget_tweaks", "machina", "machina.apps.forum"]
    apps += [f"machina.apps.{name}" for name in names.split()]
    memory = "django.core.cache.backends.locmem.LocMemCache"
    configure(
        folder,
        apps,
        ROOT_URLCONF="bench._machina",
        CONTRIB=("humanize",),
        MORE_MIDDLEWARE=("machina.apps.forum_permission.middleware.ForumPermissionMiddleware",),
        TEMPLATES=templates((MACHINA_MAIN_TEMPLATE_DIR,), ("machina.core.context_processors.metadata",)),
        STATICFILES_DIRS=(MACHINA_MAIN_STATIC_DIR,),
        CACHES={name: {"BACKEND": memory, "LOCATION": name} for name in ("default", "machina_attachments")},
        HAYSTACK_CONNECTIONS={"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}},
    )
    from django.core.management import call_command
    from django.urls import include, path

    call_command("migrate", verbosity=0)
    urlpatterns.extend((media(), path("forum/", include("machina.urls"))))
    forum = _forum()
    deeds = {
        "new": lambda deed: _new(forum, deed),
        "edit": _edit,
        "delete": _delete,
        "answer": _answer,
    }
    serve(port, deeds, url=f"/forum/forum/{forum.slug}-{forum.pk}/")


def _forum() -> Any:
    from machina.apps.forum.models import Forum
    from machina.apps.forum_permission.models import ForumPermission, UserForumPermission

    forum = Forum.objects.create(
        name="Flea market", type=Forum.FORUM_POST, description="Everything second hand"
    )
    for right in ForumPermission.objects.filter(codename__in=PUBLIC):
        UserForumPermission.objects.create(permission=right, anonymous_user=True, has_perm=True)
    return forum


def _user(name: str) -> Any:
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get_or_create(username=name)[0]


def _new(forum: Any, deed: Deed) -> Facts:
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage
    from machina.apps.forum_conversation.forum_attachments.models import Attachment
    from machina.apps.forum_conversation.models import Post, Topic

    number = int(deed["number"])
    seller = _user(f"seller{number % 5}")
    shown = [
        default_storage.save(f"p{number}-{n}.jpg", ContentFile(picture(number * 3 + n)))
        for n in range(number % 3)
    ]
    text = prose(number) + "".join(f"\n\n![picture](/media/{name})" for name in shown)
    topic = Topic.objects.create(
        forum=forum, poster=seller, subject=ware(number), type=Topic.TOPIC_POST, status=Topic.TOPIC_UNLOCKED
    )
    post = Post.objects.create(topic=topic, poster=seller, subject=topic.subject, content=text)
    if number % 4 == 0:
        Attachment.objects.create(post=post, file=ContentFile(picture(number * 3 + 2), name=f"a{number}.jpg"))
    for _ in range(int(deed.get("answers", 0))):
        _answer({"id": topic.pk})
    return _told(topic, len(shown) + (number % 4 == 0))


def _told(topic: Any, pictures: int = 0) -> Facts:
    forum = topic.forum
    return {
        "id": topic.pk,
        "url": f"/forum/forum/{forum.slug}-{forum.pk}/topic/{topic.slug}-{topic.pk}/",
        "title": topic.subject,
        "text": str(topic.first_post.content.raw).split("\n\n![")[0],
        "seller": topic.poster.username,
        "pictures": pictures,
    }


def _topic(deed: Deed) -> Any:
    from machina.apps.forum_conversation.models import Topic

    return Topic.objects.get(pk=deed["id"])


def _edit(deed: Deed) -> Facts:
    """Change the text, or the title too, as the edit form of the program does."""
    topic = _topic(deed)
    post = topic.first_post
    post.content = f"{deed['text']}\n\n{post.content.raw}"
    post.subject = deed.get("title") or post.subject
    post.updates_count += 1
    post.updated_by = post.poster
    post.save()
    topic = _topic(deed)  # the form saves the topic as well, which makes its address anew
    topic.save()
    return _told(topic)


def _delete(deed: Deed) -> Facts:
    _topic(deed).delete()
    return {}


def _answer(deed: Deed) -> Facts:
    from machina.apps.forum_conversation.models import Post

    topic = _topic(deed)
    many = topic.posts.count()
    Post.objects.create(
        topic=topic,
        poster=_user(f"guest{many % 7}"),
        subject=f"Re: {topic.subject}",
        content=f"Is it still there? {many}",
    )
    return {}

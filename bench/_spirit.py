"""Spirit, a forum, as a site of its own: topics with pictures and comments. See `_program`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from bench._program import Deed, Facts, media, picture, prose, serve, ware

urlpatterns: list[Any] = []
SETTINGS = """
import os
from spirit.extra.project_template.project_name.settings.dev import *

DEBUG = False
TEMPLATES[0]["OPTIONS"]["debug"] = False
DATABASES["default"] = {{
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": {database!r},
    "OPTIONS": {{"timeout": 20}},
}}
ROOT_URLCONF = "bench._spirit"
MEDIA_ROOT = {media!r}
HAYSTACK_CONNECTIONS = {{"default": {{"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}}}
HAYSTACK_SIGNAL_PROCESSOR = "haystack.signals.BaseSignalProcessor"
ST_TASK_MANAGER = None
ST_SITE_URL = "http://127.0.0.1:{port}/"
"""


def main(folder: Path, port: int) -> None:
    """Set the forum up and serve it."""
    written = SETTINGS.format(database=str(folder / "site.db"), media=str(folder / "media"), port=port)
    (folder / "stall_settings.py").write_text(written)
    sys.path.insert(0, str(folder))
    os.environ["DJANGO_SETTINGS_MODULE"] = "stall_settings"
    import django
    from django.core.management import call_command
    from django.urls import include, path

    django.setup()
    call_command("migrate", verbosity=0)
    urlpatterns.extend((media(), path("", include("spirit.urls"))))
    from spirit.category.models import Category

    market = Category.objects.create(title="Flea market", description="Everything second hand")
    deeds = {
        "new": lambda deed: _new(market, deed),
        "edit": _edit,
        "delete": lambda deed: _removed(deed, True),
        "restore": lambda deed: _removed(deed, False),
        "answer": _answer,
    }
    serve(port, deeds, url=market.get_absolute_url())


def _user(name: str) -> Any:
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get_or_create(username=name, defaults={"email": f"{name}@example.org"})[0]


def _new(market: Any, deed: Deed) -> Facts:
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage
    from spirit.topic.models import Topic

    number = int(deed["number"])
    files = [
        default_storage.save(f"p{number}-{order}.jpg", ContentFile(picture(number * 3 + order)))
        for order in range(number % 3)
    ]
    seller = _user(f"seller{number % 5}")
    topic = Topic.objects.create(category=market, user=seller, title=ware(number))
    text = prose(number) + "".join(f"\n\n![picture](/media/{name})" for name in files)
    _comment(topic, seller, text)
    for _ in range(int(deed.get("answers", 0))):
        _answer({"id": topic.pk})
    return {**_told(topic), "files": files, "pictures": len(files)}


def _comment(topic: Any, user: Any, text: str) -> None:
    """As the form of the program does."""
    from spirit.comment.models import Comment
    from spirit.core.utils.markdown import Markdown

    Comment.objects.create(topic=topic, user=user, comment=text, comment_html=Markdown().render(text))
    topic.increase_comment_count()


def _told(topic: Any) -> Facts:
    first = topic.comment_set.order_by("pk").first()
    return {
        "id": topic.pk,
        "url": topic.get_absolute_url(),
        "title": topic.title,
        "text": first.comment.split("\n\n![")[0],
        "seller": topic.user.username,
        "pictures": 0,
        "posted": topic.date.isoformat(),
    }


def _topic(deed: Deed) -> Any:
    from spirit.topic.models import Topic

    return Topic.objects.get(pk=deed["id"])


def _edit(deed: Deed) -> Facts:
    from spirit.core.utils.markdown import Markdown

    topic = _topic(deed)
    first = topic.comment_set.order_by("pk").first()
    first.comment = f"{deed['text']}\n\n{first.comment}"
    first.comment_html = Markdown().render(first.comment)
    first.is_modified, first.modified_count = True, first.modified_count + 1
    first.save()
    topic.title = deed.get("title") or topic.title
    topic.save()
    return _told(topic)


def _removed(deed: Deed, is_removed: bool) -> Facts:
    topic = _topic(deed)
    topic.is_removed = is_removed
    topic.save()
    return {}


def _answer(deed: Deed) -> Facts:
    topic = _topic(deed)
    many = topic.comment_count
    _comment(topic, _user(f"guest{many % 7}"), f"Is it still there? {many}")
    return {}

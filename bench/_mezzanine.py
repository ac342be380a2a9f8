"""Mezzanine's blog as a site of its own: entries with pictures, comments below. See `_program`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bench._cartridge import changes, project, stored
from bench._program import Deed, Facts, media, prose, serve, ware

urlpatterns: list[Any] = []
SETTINGS = "BLOG_USE_FEATURED_IMAGE = True\nBLOG_POST_PER_PAGE = 20\n"


def main(folder: Path, port: int) -> None:
    """Set the blog up and serve it."""
    project(folder, port, "bench._mezzanine", SETTINGS)
    from stall.urls import urlpatterns as usual

    urlpatterns.extend((media(), *usual))
    deeds = {
        "new": _new,
        **changes(_post, _told),
        "answer": _answer,
    }
    serve(port, deeds, url="/blog/")


def _new(deed: Deed) -> Facts:
    from django.contrib.auth import get_user_model
    from mezzanine.blog.models import BlogPost

    number = int(deed["number"])
    user = get_user_model().objects.get_or_create(username=f"seller{number % 5}")[0]
    files = [stored(f"p{number}-{order}.jpg", number * 3 + order) for order in range(number % 3)]
    body = "".join(f"<p>{part}</p>" for part in prose(number).split("\n\n"))
    body += "".join(f'<p><img src="/media/{name}"></p>' for name in files[1:])
    post = BlogPost.objects.create(
        title=ware(number),
        content=body,
        user=user,
        featured_image=files[0] if files else None,
        allow_comments=True,
    )
    for _ in range(int(deed.get("answers", 0))):
        _answer({"id": post.pk})
    return {**_told(post), "pictures": len(files), "files": [Path(name).name for name in files]}


def _told(post: Any) -> Facts:
    return {
        "id": post.pk,
        "url": post.get_absolute_url(),
        "title": post.title,
        "text": re.sub("<[^>]+>", "\n", post.content),
        "seller": post.user.username,
        "pictures": 0,
        "posted": post.publish_date.isoformat(),
    }


def _post(deed: Deed) -> Any:
    from mezzanine.blog.models import BlogPost

    return BlogPost.objects.get(pk=deed["id"])


def _answer(deed: Deed) -> Facts:
    from django.contrib.contenttypes.models import ContentType
    from django.utils.timezone import now
    from mezzanine.generic.models import ThreadedComment

    post = _post(deed)
    many = post.comments.count()
    ThreadedComment.objects.create(
        content_type=ContentType.objects.get_for_model(post),
        object_pk=post.pk,
        site_id=1,
        user_name=f"guest{many % 7}",
        comment=f"Is it still there? {many}",
        submit_date=now(),
        is_public=True,
    )
    return {}

"""puput, a blog on Wagtail, as a site of its own. See `_program`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench._program import Deed, Facts, configure, media, picture, prose, serve, templates, ware

urlpatterns: list[Any] = []


def main(folder: Path, port: int) -> None:
    """Set the blog up and serve it."""
    from puput import PUPUT_APPS

    configure(
        folder,
        [app for app in PUPUT_APPS if not app.startswith("django.contrib")],
        ROOT_URLCONF="bench._puput",
        CONTRIB=("admin", "sitemaps"),
        TEMPLATES=templates((), ()),
        WAGTAIL_SITE_NAME="Blog",
        WAGTAILADMIN_BASE_URL=f"http://127.0.0.1:{port}",
    )
    from django.core.management import call_command
    from django.urls import include, path

    call_command("migrate", verbosity=0)
    call_command("puput_initial_data")
    _open(port)
    urlpatterns.extend((media(), path("", include("puput.urls"))))
    deeds = {"new": _new, "edit": _edit, "delete": _hide, "restore": _show, "answer": lambda _: {}}
    serve(port, deeds, url=_blog().get_url() or "/blog/")


def _open(port: int) -> None:
    """The address of the site, and twenty entries a page: what an admin of the blog sets."""
    from wagtail.models import Site

    Site.objects.update(hostname="127.0.0.1", port=port)
    blog = _blog()
    blog.num_entries_page = 20
    blog.save_revision().publish()


def _blog() -> Any:
    from puput.models import BlogPage

    return BlogPage.objects.get()


def _new(deed: Deed) -> Facts:
    from django.contrib.auth import get_user_model
    from django.core.files.base import ContentFile
    from puput.models import EntryPage
    from wagtail.images.models import Image

    number = int(deed["number"])
    name = f"seller{number % 5}"
    owner = get_user_model().objects.get_or_create(username=name)[0]
    image = None
    if number % 3:
        file = ContentFile(picture(number), name=f"p{number}.jpg")
        image = Image.objects.create(title=f"picture {number}", file=file)
    body = "".join(f"<p>{part}</p>" for part in prose(number).split("\n\n"))
    entry = EntryPage(title=ware(number), owner=owner, header_image=image)
    entry.body = body
    _blog().add_child(instance=entry)
    entry.save_revision().publish()
    return _told(entry, int(image is not None))


def _told(entry: Any, pictures: int = 0) -> Facts:
    text = str(entry.body).replace("<p>", "").replace("</p>", "\n\n")
    return {
        "id": entry.pk,
        "url": entry.full_url,
        "title": entry.title,
        "text": text,
        "seller": entry.owner.username,
        "pictures": pictures,
    }


def _entry(deed: Deed) -> Any:
    from puput.models import EntryPage

    return EntryPage.objects.get(pk=deed["id"])


def _edit(deed: Deed) -> Facts:
    entry = _entry(deed)
    entry.body = f"<p>{deed['text']}</p>{entry.body}"
    entry.title = deed.get("title") or entry.title
    entry.save_revision().publish()
    return _told(entry)


def _hide(deed: Deed) -> Facts:
    _entry(deed).unpublish()
    return {}


def _show(deed: Deed) -> Facts:
    _entry(deed).save_revision().publish()
    return {}

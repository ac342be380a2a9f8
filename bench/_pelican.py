"""Pelican as a blog of its own: articles in Markdown, made into pages and feeds anew at every deed.

The pages stand on the server of the standard library, as on any plain host. See `_program`.
"""

from __future__ import annotations

import sys
import threading
from contextlib import redirect_stdout
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench._program import Deed, Facts, answer, picture, prose, ware

SETTINGS = {
    "SITENAME": "Market notes",
    "TIMEZONE": "UTC",
    "DEFAULT_LANG": "en",
    "DEFAULT_PAGINATION": 20,
    "FEED_ALL_ATOM": "feeds/all.atom.xml",
    "FEED_DOMAIN": "",
    "STATIC_PATHS": ["images"],
    "DELETE_OUTPUT_DIRECTORY": False,
    "LOAD_CONTENT_CACHE": False,
}


def main(folder: Path, port: int) -> None:
    """Make the empty blog and serve it."""
    content = folder / "content"
    (content / "images").mkdir(parents=True)
    blog = Blog(folder, f"http://127.0.0.1:{port}")
    blog.build()
    handler = partial(Quiet, directory=str(folder / "output"))
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    deeds = {
        "new": blog.new,
        "edit": blog.edit,
        "delete": blog.delete,
        "restore": blog.restore,
        "answer": lambda _: {},
    }
    answer(deeds, url="/")


class Quiet(SimpleHTTPRequestHandler):
    """Files, without a line on the screen for each."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Blog:
    """The articles as files, as their author keeps them."""

    def __init__(self, folder: Path, base: str) -> None:
        self._folder, self._base = folder, base
        self._posts: dict[str, Facts] = {}

    def build(self) -> None:
        """What `pelican content` does."""
        from pelican import Pelican
        from pelican.settings import read_settings

        paths = {"PATH": str(self._folder / "content"), "OUTPUT_PATH": str(self._folder / "output")}
        own = {"SITEURL": self._base, "FEED_DOMAIN": self._base} | paths
        # It tells what it made on standard output, which is for the deeds.
        with redirect_stdout(sys.stderr):
            Pelican(read_settings(override=SETTINGS | own)).run()

    def new(self, deed: Deed) -> Facts:
        """An article with its pictures."""
        number = int(deed["number"])
        files = [f"p{number}-{order}.jpg" for order in range(number % 3)]
        for order, name in enumerate(files):
            (self._folder / "content" / "images" / name).write_bytes(picture(number * 3 + order))
        slug = f"article-{number}"
        self._posts[slug] = {
            "id": slug,
            "url": f"/{slug}.html",
            "title": ware(number),
            "text": prose(number),
            "seller": f"seller{number % 5}",
            "pictures": len(files),
            "files": files,
            "posted": datetime.now(UTC).replace(microsecond=0).isoformat(),
        }
        return self._written(slug)

    def edit(self, deed: Deed) -> Facts:
        """Words before the others, and a title perhaps."""
        post = self._posts[deed["id"]]
        post["text"] = f"{deed['text']}\n\n{post['text']}"
        post["title"] = deed.get("title") or post["title"]
        return self._written(deed["id"])

    def delete(self, deed: Deed) -> Facts:
        """Take the article away, and the page that was made of it."""
        self._file(deed["id"]).unlink()
        (self._folder / "output" / f"{deed['id']}.html").unlink()
        self.build()
        return {}

    def restore(self, deed: Deed) -> Facts:
        """Put it back as it was."""
        return self._written(deed["id"])

    def _file(self, slug: str) -> Path:
        return self._folder / "content" / f"{slug}.md"

    def _written(self, slug: str) -> Facts:
        post = self._posts[slug]
        head = {
            "Title": post["title"],
            "Date": post["posted"],
            "Author": post["seller"],
            "Slug": slug,
            "Category": "market",
            "Tags": "things, second hand",
        }
        shown = "".join(f"\n\n![picture]({{static}}/images/{name})" for name in post["files"])
        lines = "\n".join(f"{name}: {value}" for name, value in head.items())
        self._file(slug).write_text(f"{lines}\n\n{post['text']}{shown}\n")
        self.build()
        return post

"""The side of a third-party program: Django behind its own server, deeds by lines.

Runs in the program's own environment: python -m bench._program MODULE FOLDER PORT

Prints one JSON line when the site answers, then does one deed per line of standard input
and tells it as one JSON line. Only the standard library and the program are imported.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Deed = dict[str, Any]
Facts = dict[str, Any]

WORDS = (
    *("evening", "market", "parcel", "ordinary", "delivery", "meeting"),
    *("wooden", "station", "garden", "window", "letter"),
)
WARES = (
    "ivory bangle carved old",
    "bicycle with basket",
    "象牙手镯 全新 私聊",
    "garden chair of teak",
    "rhino horn cup antique",
    "two tickets for the match",
    "穿山甲片 现货",
    "camera with three lenses",
)


def configure(folder: Path, apps: list[str], **more: Any) -> None:
    """Django with SQLite in `folder`; its tables, pictures and caches stay there."""
    import django
    from django.conf import settings

    base: dict[str, Any] = {
        "DEBUG": False,
        "SECRET_KEY": "bench",
        "ALLOWED_HOSTS": ["127.0.0.1"],
        "DATABASES": {
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(folder / "site.db"),
                "OPTIONS": {"timeout": 20},
            }
        },
        "MEDIA_ROOT": str(folder / "media"),
        "MEDIA_URL": "/media/",
        "STATIC_URL": "/static/",
        "STATIC_ROOT": str(folder / "static"),
        "DEFAULT_AUTO_FIELD": "django.db.models.AutoField",
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "INSTALLED_APPS": [
            f"django.contrib.{name}"
            for name in (
                "auth",
                "contenttypes",
                "sessions",
                "messages",
                "staticfiles",
                *more.pop("CONTRIB", ()),
            )
        ]
        + apps,
        "MIDDLEWARE": [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            *more.pop("MORE_MIDDLEWARE", ()),
        ],
    }
    settings.configure(**(base | more))
    django.setup()


def templates(folders: tuple[Any, ...], processors: tuple[str, ...]) -> list[Facts]:
    """Django's TEMPLATES with the programs' own folders and context processors."""
    usual = ("request", "debug")
    context = [f"django.template.context_processors.{name}" for name in usual]
    context += [
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]
    return [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": list(folders),
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": [*context, *processors]},
        }
    ]


def media() -> Any:
    """The pattern that serves uploaded pictures, as a web server would."""
    from django.conf import settings
    from django.urls import re_path
    from django.views.static import serve

    return re_path(r"^media/(?P<path>.*)$", serve, {"document_root": settings.MEDIA_ROOT})


def picture(number: int) -> bytes:
    """A JPEG of its own for each number: coarse patches, so that no two resemble one another."""
    from random import Random

    from PIL import Image

    chance = Random(number)
    patches = Image.frombytes("RGB", (7, 6), chance.randbytes(7 * 6 * 3))
    out = io.BytesIO()
    patches.resize((420, 320), Image.Resampling.BICUBIC).save(out, "JPEG", quality=85)
    return out.getvalue()


def ware(number: int) -> str:
    """A title; every other one offers what the lexicon knows."""
    return f"{WARES[number % len(WARES)]} no {number}"


def prose(number: int) -> str:
    """A body of one to six paragraphs, another one for each number."""
    paragraphs = []
    for part in range(1 + number % 6):
        chosen = [WORDS[(number * 7 + part * 3 + n * n) % len(WORDS)] for n in range(18 + number % 9)]
        paragraphs.append(" ".join(chosen).capitalize() + f" {number}-{part}.")
    return f"For sale: {ware(number)}. WeChat seller{number}x.\n\n" + "\n\n".join(paragraphs)


def serve(port: int, deeds: Mapping[str, Callable[[Deed], Facts]], **facts: Any) -> None:
    """Django's own server on loopback in a thread, and deeds from standard input until it ends."""
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.servers.basehttp import run
    from django.core.wsgi import get_wsgi_application

    application = StaticFilesHandler(get_wsgi_application())
    application.serve = _static
    threading.Thread(
        target=run, args=("127.0.0.1", port, application), kwargs={"threading": True}, daemon=True
    ).start()
    answer(deeds, **facts)


def answer(deeds: Mapping[str, Callable[[Deed], Facts]], **facts: Any) -> None:
    """Tell that the site is there, with `facts`; then one deed per line of standard input until it ends."""
    _say({"ready": True, **facts})
    for line in sys.stdin:
        deed = json.loads(line)
        try:
            _say(deeds[deed["do"]](deed))
        except Exception as error:  # noqa: BLE001 -- told to the bench, which knows whether it matters
            _say({"error": f"{type(error).__name__}: {error}"})


def _static(request: Any) -> Any:
    from django.contrib.staticfiles.views import serve as static

    return static(request, request.path.removeprefix("/static/"), insecure=True)


def _say(facts: Facts) -> None:
    sys.stdout.write(json.dumps(facts, default=str) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    importlib.import_module(sys.argv[1]).main(Path(sys.argv[2]), int(sys.argv[3]))

"""Cartridge, a shop on Mezzanine, as a site of its own. See `_program`."""

from __future__ import annotations

import locale
import os
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench._program import Deed, Facts, media, picture, prose, serve, ware

SETTINGS = """
DEBUG = False
SECRET_KEY = NEVERCACHE_KEY = "bench"
ALLOWED_HOSTS = ["127.0.0.1"]
DATABASES = {{
    "default": {{
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": {database!r},
        "OPTIONS": {{"timeout": 20}},
    }}
}}
ROOT_URLCONF = {urls!r}
CACHES = {{"default": {{"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}}}
"""
CURRENCY = {
    "currency_symbol": "$",
    "int_curr_symbol": "USD ",
    "frac_digits": 2,
    "int_frac_digits": 2,
    "mon_decimal_point": ".",
    "mon_thousands_sep": ",",
    "mon_grouping": [3, 3, 0],
    "p_cs_precedes": 1,
    "p_sep_by_space": 0,
    "p_sign_posn": 1,
}
urlpatterns: list[Any] = []


def main(folder: Path, port: int) -> None:
    """Set the shop up and serve it."""
    project(folder, port, "bench._cartridge", "SHOP_PER_PAGE_CATEGORY = 20\n")
    from stall.urls import urlpatterns as usual

    page = _category()
    urlpatterns.extend((media(), *usual))
    deeds = {
        "new": lambda deed: _new(page, deed),
        **changes(_product, _told),
        "answer": lambda _: {},
    }
    serve(port, deeds, url=f"/{page.slug}/")


def project(folder: Path, port: int, urls: str, more: str) -> None:
    """The project that the program makes for a new site, with a database of its own.

    urls: the module with `urlpatterns`. more: settings beside the usual ones.
    """
    import cartridge

    # A plain locale has no currency, and the program stores as many digits as it says.
    vars(locale)["_override_localeconv"].update(CURRENCY)
    source = Path(cartridge.__file__).parent / "project_template" / "project_name"
    shutil.copytree(source, folder / "stall")
    settings = SETTINGS.format(database=str(folder / "site.db"), urls=urls) + more
    (folder / "stall" / "local_settings.py").write_text(settings)
    sys.path.insert(0, str(folder))
    os.environ["DJANGO_SETTINGS_MODULE"] = "stall.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from django.contrib.sites.models import Site

    # Feeds name the site in full.
    Site.objects.update_or_create(id=1, defaults={"domain": f"127.0.0.1:{port}", "name": "Stall"})


def _category() -> Any:
    from cartridge.shop.models import Category

    return Category.objects.create(title="Things")


def stored(name: str, number: int) -> str:
    """A picture in the shop's folder of uploads; its path there."""
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage

    return str(default_storage.save(f"uploads/{name}", ContentFile(picture(number))))


def _new(page: Any, deed: Deed) -> Facts:
    from decimal import Decimal

    from cartridge.shop.models import Product, ProductImage, ProductVariation

    number = int(deed["number"])
    product = Product.objects.create(title=ware(number), content=_html(prose(number)), available=True)
    files = [stored(f"p{number}-{order}.jpg", number * 3 + order) for order in range(number % 3)]
    images = [
        ProductImage.objects.create(product=product, file=name, description=f"picture {order}")
        for order, name in enumerate(files)
    ]
    variation = ProductVariation.objects.create(
        product=product, default=True, unit_price=Decimal(100 + number), sku=f"sku{number}", num_in_stock=3
    )
    variation.image = images[0] if images else None
    variation.save()
    product.copy_default_variation()
    page.products.add(product)
    return _told(product, files)


def _html(text: str) -> str:
    return "".join(f"<p>{part}</p>" for part in text.split("\n\n"))


def _told(product: Any, files: list[str] | None = None) -> Facts:
    files = files or []
    return {
        "id": product.pk,
        "url": product.get_absolute_url(),
        "title": product.title,
        "text": product.content.replace("<p>", "").replace("</p>", "\n\n"),
        "seller": "",
        "pictures": len(files),
        "files": [Path(name).name for name in files],
        "price": str(product.unit_price),
    }


def _product(deed: Deed) -> Any:
    from cartridge.shop.models import Product

    return Product.objects.get(pk=deed["id"])


def changes(find: Callable[[Deed], Any], told: Callable[[Any], Facts]) -> dict[str, Callable[[Deed], Facts]]:
    """What is done with a post or product of Mezzanine that is there: edited, taken away, put back."""
    from mezzanine.core.models import CONTENT_STATUS_DRAFT, CONTENT_STATUS_PUBLISHED

    def edit(deed: Deed) -> Facts:
        thing = find(deed)
        thing.content = f"<p>{deed['text']}</p>{thing.content}"
        thing.title = deed.get("title") or thing.title
        thing.save()
        return told(thing)

    def become(status: int, deed: Deed) -> Facts:
        thing = find(deed)
        thing.status = status
        thing.save()
        return {}

    return {
        "edit": edit,
        "delete": partial(become, CONTENT_STATUS_DRAFT),
        "restore": partial(become, CONTENT_STATUS_PUBLISHED),
    }

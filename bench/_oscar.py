"""django-oscar as a site of its own: a shop whose products come and go. See `_program`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench._program import Deed, Facts, configure, media, picture, prose, serve, templates, ware

urlpatterns: list[Any] = []
PROCESSORS = (
    "oscar.apps.search.context_processors.search_form",
    "oscar.apps.checkout.context_processors.checkout",
    "oscar.apps.communication.notifications.context_processors.notifications",
    "oscar.core.context_processors.metadata",
)


def main(folder: Path, port: int) -> None:
    """Set the shop up and serve it."""
    import oscar
    from oscar import defaults

    own = {name: getattr(defaults, name) for name in dir(defaults) if name.startswith("OSCAR_")}
    configure(
        folder,
        [app for app in oscar.INSTALLED_APPS if not app.startswith("django.contrib")] + ["sorl.thumbnail"],
        **own,
        ROOT_URLCONF="bench._oscar",
        CONTRIB=("admin", "sites", "flatpages"),
        SITE_ID=1,
        MORE_MIDDLEWARE=("oscar.apps.basket.middleware.BasketMiddleware",),
        TEMPLATES=templates((), PROCESSORS),
        AUTHENTICATION_BACKENDS=("oscar.apps.customer.auth_backends.EmailBackend",),
        # The catalogue is a search: it wants an engine with an index of its own.
        HAYSTACK_CONNECTIONS={
            "default": {
                "ENGINE": "haystack.backends.whoosh_backend.WhooshEngine",
                "PATH": str(folder / "index"),
            }
        },
        HAYSTACK_SIGNAL_PROCESSOR="haystack.signals.RealtimeSignalProcessor",
    )
    from django.apps import apps
    from django.core.management import call_command
    from django.urls import include, path

    call_command("migrate", verbosity=0)
    urlpatterns.extend(
        (
            media(),
            path("i18n/", include("django.conf.urls.i18n")),
            path("", include(apps.get_app_config("oscar").urls[0])),
        )
    )
    _nothing(folder)
    deeds = {"new": _new, "edit": _edit, "delete": _hide, "restore": _show, "answer": _answer}
    serve(port, deeds, url="/catalogue/")


def _nothing(folder: Path) -> None:
    """The picture that stands for none, as the manual wants it in the folder of pictures."""
    (folder / "media").mkdir(exist_ok=True)
    (folder / "media" / "image_not_found.jpg").write_bytes(picture(255))


def _kind() -> Any:
    from oscar.apps.catalogue.models import ProductClass

    return ProductClass.objects.get_or_create(name="Things", track_stock=False)[0]


def _new(deed: Deed) -> Facts:
    from decimal import Decimal

    from django.core.files.base import ContentFile
    from oscar.apps.catalogue.models import Product, ProductImage
    from oscar.apps.partner.models import Partner, StockRecord

    number = int(deed["number"])
    product = Product.objects.create(
        product_class=_kind(),
        title=ware(number),
        description="".join(f"<p>{part}</p>" for part in prose(number).split("\n\n")),
        upc=f"upc{number}",
    )
    partner = Partner.objects.get_or_create(name="Stall")[0]
    StockRecord.objects.create(
        product=product,
        partner=partner,
        partner_sku=f"sku{number}",
        price=Decimal(100 + number),
        num_in_stock=3,
    )
    product.save()  # now that it has a price the index takes it up
    many = number % 3
    for order in range(many):
        file = ContentFile(picture(number * 3 + order), name=f"p{number}-{order}.jpg")
        ProductImage.objects.create(product=product, original=file, display_order=order)
    return _told(product, many)


def _told(product: Any, pictures: int = 0) -> Facts:
    text = product.description.replace("<p>", "").replace("</p>", "\n\n")
    return {
        "id": product.pk,
        "url": product.get_absolute_url(),
        "title": product.title,
        "text": text,
        "seller": "",
        "pictures": pictures,
    }


def _product(deed: Deed) -> Any:
    from oscar.apps.catalogue.models import Product

    return Product.objects.get(pk=deed["id"])


def _edit(deed: Deed) -> Facts:
    """As the dashboard's form: the slug follows the title only when it is emptied, as here."""
    product = _product(deed)
    product.description = f"<p>{deed['text']}</p>{product.description}"
    if deed.get("title"):
        product.title = deed["title"]
        product.slug = ""
    product.save()
    return _told(product)


def _hide(deed: Deed) -> Facts:
    product = _product(deed)
    product.is_public = False
    product.save()
    return {}


def _show(deed: Deed) -> Facts:
    product = _product(deed)
    product.is_public = True
    product.save()
    return {}


def _answer(deed: Deed) -> Facts:
    """A customer's review."""
    from django.contrib.auth import get_user_model
    from oscar.apps.catalogue.reviews.models import ProductReview

    product = _product(deed)
    many = product.reviews.count()
    name = f"guest{many}"
    user = get_user_model().objects.get_or_create(username=name, defaults={"email": f"{name}@example.org"})[0]
    ProductReview.objects.create(
        product=product, score=1 + many % 5, title="Well", body=f"It came soon. {many}", user=user, status=1
    )
    return {}

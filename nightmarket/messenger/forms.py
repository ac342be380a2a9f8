"""A call as it came: GET or POST, in the query, as a form, multipart or JSON. Keys in one dictionary."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from nightmarket.messenger.words import Json, bad


@dataclass(slots=True)
class Form:
    """values: strings, or decoded JSON for those that are objects. files: (name, bytes) by field."""

    method: str
    values: Json = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def text(self, key: str) -> str:
        """A string, "" when it is not there."""
        value = self.values.get(key)
        return "" if value is None else value if isinstance(value, str) else json.dumps(value)

    def number(self, key: str, otherwise: int = 0) -> int:
        """A whole number. Raises Refusal when it is none."""
        value = self.values.get(key)
        if value in (None, ""):
            return otherwise
        try:
            return int(value)
        except (TypeError, ValueError):
            raise bad(f'field "{key}" must be a number') from None

    def yes(self, key: str) -> bool:
        """A boolean in any of its writings."""
        value = self.values.get(key)
        return value is True or str(value).lower() in ("true", "1", "yes")

    def object(self, key: str) -> Any:
        """Decoded JSON, None when it is not there. Raises Refusal when it is none."""
        value = self.values.get(key)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise bad(f"can't parse {key} JSON object") from None


async def read(request: web.Request, method: str) -> Form:
    """The call's parameters. Raises Refusal for a body that is not what it says."""
    form = Form(method, dict(request.query))
    kind = request.content_type
    if request.method != "POST" or not request.can_read_body:
        return form
    if kind == "application/json":
        try:
            body = await request.json()
        except ValueError:
            raise bad("can't parse request body as JSON object") from None
        if not isinstance(body, dict):
            raise bad("can't parse request body as JSON object")
        form.values |= body
        return form
    try:
        posted = await request.post()
    except ValueError:
        raise bad("can't parse request body") from None
    for key, value in posted.items():
        if isinstance(value, web.FileField):
            form.files[key] = (value.filename, value.file.read())
        elif isinstance(value, (bytes, bytearray)):
            form.files[key] = ("", bytes(value))
        else:
            form.values[key] = value
    return form

"""Responses made from bytes, and the time of these tests."""

from __future__ import annotations

from datetime import UTC, datetime

from storage.model import Response

NOW = datetime(2026, 11, 24, 13, 15, tzinfo=UTC)


def page(
    body: bytes | str,
    *,
    url: str = "https://market.example/list",
    content_type: str = "",
    headers: tuple[tuple[str, str], ...] = (),
    shortfall: str = "",
) -> Response:
    """An answer of 200 with this body."""
    if content_type:
        headers = (*headers, ("Content-Type", content_type))
    return Response(
        url=url,
        requested_url=url,
        status=200,
        headers=headers,
        body=body.encode() if isinstance(body, str) else body,
        started_at=NOW,
        first_byte_at=NOW,
        ended_at=NOW,
        shortfall=shortfall,
    )

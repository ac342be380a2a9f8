"""TLS of the watch: the system's trust, and connections that take no more than they need.

Nearly every site is asked over TLS, and connections to hundreds are kept from poll to poll. asyncio gives
each a buffer of 256 KiB and fills it with zeros, which for 500 hosts is 128 MB that nothing is ever read
into: a record of TLS holds 16 KiB. It also spells out each peer's certificate as a dict, name by name, which
nobody asks for: what is kept as evidence is the certificate's own bytes.
"""

from __future__ import annotations

import asyncio.sslproto
import ssl
from functools import cache
from typing import Any

BUFFER_BYTES = 32 * 1024
"""Of a connection: two full records."""


class Peer(ssl.SSLObject):
    """As `ssl.SSLObject`, but the peer's certificate is had as bytes only."""

    def getpeercert(self, binary_form: bool = False) -> Any:
        """DER when `binary_form`, else an empty dict: asyncio asks for one after each handshake."""
        return super().getpeercert(binary_form=True) if binary_form else {}


@cache
def context() -> ssl.SSLContext:
    """Certificates and host names are verified against the system's trust, as aiohttp's own context does.

    One for all: it holds some 140 authorities, which are read from the disk.
    """
    made = ssl.create_default_context()
    made.set_alpn_protocols(("http/1.1",))
    return made


def lighten(tls: ssl.SSLContext) -> ssl.SSLContext:
    """Have connections of this context, and buffers of all in this process, take what they need."""
    tls.sslobject_class = Peer
    if isinstance(getattr(asyncio.sslproto.SSLProtocol, "max_size", None), int):
        asyncio.sslproto.SSLProtocol.max_size = BUFFER_BYTES
    return tls

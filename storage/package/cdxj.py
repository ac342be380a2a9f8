"""The index of a web archive: CDXJ lines under sorted keys, gzipped in blocks that an .idx lists.

The form is that of pywb and py-wacz ("ZipNum"): a line is `KEY TIMESTAMP JSON`, lines are
sorted, every block of lines is a gzip member of its own, and `index.idx` names the first key of
each block with its place. Keys are SURT as ReplayWeb.page makes them from an address (warcio.js,
getSurt), since that is who looks them up. Pure.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

BLOCK_LINES = 1_024
_IN_QUERY, _IN_PATH = "\"<>'", '"<>`{}'
"""What browsers quote there besides (WHATWG URL, percent-encode sets)."""
_WWW = re.compile(r"^(https?://)www\d*\.")
PRINTABLE = "".join(map(chr, range(33, 127)))
"""What an address may hold as it is; everything else is percent-encoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One answer in a WARC. at: WARC-Date. digests: `sha256:` and hex; record_digest of the gzip member."""

    url: str
    at: str
    mime: str
    status: str
    payload_digest: str
    record_digest: str
    offset: int
    size_bytes: int

    @property
    def timestamp(self) -> str:
        """Fourteen digits, UTC."""
        return re.sub(r"\D", "", self.at)[:14]


def surt(url: str) -> str:
    """The sort key of an address: host reversed, lower case, query sorted; other schemes as they are."""
    try:
        parts = urlsplit(_WWW.sub(r"\1", url).lower())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return _quoted(url)
    if parts.scheme not in {"http", "https"} or not host:
        return _quoted(url)
    key = ",".join(reversed(_ascii(host).split(".")))
    if port is not None and port != {"http": 80, "https": 443}[parts.scheme]:
        key += f":{port}"
    query = "&".join(sorted(_quoted(parts.query, _IN_QUERY).split("&")))
    return f"{key}){_quoted(parts.path, _IN_PATH) or '/'}{'?' if query else ''}{query}"


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return _quoted(host)


def _quoted(text: str, also: str = "") -> str:
    """As a browser quotes a part of an address: spaces, controls, non-ASCII, and these characters."""
    return quote(
        text, safe=PRINTABLE.translate({ord(character): None for character in also}), errors="replace"
    )


def line(capture: Capture, filename: str) -> str:
    """One line of the index, without its end."""
    facts = {
        "url": capture.url,
        "mime": capture.mime,
        "status": capture.status,
        "digest": capture.payload_digest,
        "length": str(capture.size_bytes),
        "offset": str(capture.offset),
        "filename": filename,
        "recordDigest": capture.record_digest,
    }
    return f"{surt(capture.url)} {capture.timestamp} {json.dumps(facts)}"


def index(captures: Sequence[Capture], filename: str, name: str = "index.cdx.gz") -> tuple[bytes, bytes]:
    """(index.cdx.gz, index.idx) over the captures of one WARC called `filename`."""
    lines = sorted(line(capture, filename) for capture in captures)
    blocks, places = [], [f"!meta 0 {json.dumps({'format': 'cdxj-gzip-1.0', 'filename': name})}"]
    offset = 0
    for start in range(0, len(lines), BLOCK_LINES):
        some = lines[start : start + BLOCK_LINES]
        block = _gzip("".join(f"{one}\n" for one in some).encode())
        digest = f"sha256:{hashlib.sha256(block).hexdigest()}"
        place = {"offset": offset, "length": len(block), "digest": digest, "filename": name}
        places.append(f"{' '.join(some[0].split(' ', 2)[:2])} {json.dumps(place)}")
        blocks.append(block)
        offset += len(block)
    return b"".join(blocks) or _gzip(b""), "".join(f"{place}\n" for place in places).encode()


def _gzip(data: bytes) -> bytes:
    # zlib's own header has no time and no name: the same lines give the same bytes.
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS + 16)
    return packer.compress(data) + packer.flush()

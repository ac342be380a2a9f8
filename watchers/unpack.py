"""Content-Encoding undone piece by piece, never beyond a bound: a bomb costs its cap.

gzip (several members), deflate (with and without zlib header), br, and up to two of
them stacked. What is not understood stays as it came, and the answer says so.
"""

from __future__ import annotations

import zlib
from typing import Protocol

_CAP_STEP = 262_144
_MEMBERS = 1_000
"""gzip members in one body: an endless row of empty ones would cost time, not bytes."""


class TooMuch(Exception):
    """The decoded body passed its bound."""


class Damaged(Exception):
    """The coded body cannot be decoded further. The message says why."""


class _Layer(Protocol):
    """One decoder. `feed` returns all that `data` yields, <= cap + one step, or raises."""

    def feed(self, data: bytes, cap: int) -> bytes: ...

    @property
    def finished(self) -> bool: ...


class _Zlib:
    """gzip or deflate; which one is seen from the first bytes, since servers mislabel them."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._engine: zlib._Decompress | None = None
        self._members = 0
        self._surplus = False

    @property
    def finished(self) -> bool:
        return self._surplus or self._engine is None or self._engine.eof

    def feed(self, data: bytes, cap: int) -> bytes:
        out: list[bytes] = []
        size = 0
        while data and not self._surplus:
            if not self._next_member(data):
                break
            assert self._engine is not None
            piece, data = self._step(data)
            out.append(piece)
            size += len(piece)
            if size > cap:
                raise TooMuch
        return b"".join(out)

    def _next_member(self, data: bytes) -> bool:
        """Have an engine ready; False when what follows the stream is not more of it."""
        if self._engine is not None and not self._engine.eof:
            return True
        if self._engine is not None and not (self._gzip and data[:1] == b"\x1f"):
            self._surplus = True  # padding after the end, ignored as browsers do
            return False
        self._members += 1
        if self._members > _MEMBERS:
            raise TooMuch
        self._engine = zlib.decompressobj(self._window(data))
        return True

    def _window(self, data: bytes) -> int:
        if self._gzip:
            return zlib.MAX_WBITS | 16
        wrapped = data[0] & 0x0F == zlib.DEFLATED and data[0] >> 4 <= 7
        return zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS

    def _step(self, data: bytes) -> tuple[bytes, bytes]:
        assert self._engine is not None
        try:
            piece = self._engine.decompress(data, _CAP_STEP)
        except zlib.error as error:
            raise Damaged(f"the compressed body is damaged ({error})") from error
        return piece, self._engine.unused_data if self._engine.eof else self._engine.unconsumed_tail


class _Brotli:
    """RFC 7932, by the brotli package, whose output limit needs version 1.2."""

    def __init__(self) -> None:
        import brotli

        self._engine = brotli.Decompressor()
        self._error: type[Exception] = brotli.error
        self._began = False

    @property
    def finished(self) -> bool:
        return not self._began or bool(self._engine.is_finished())

    def feed(self, data: bytes, cap: int) -> bytes:
        self._began = True
        out: list[bytes] = []
        size = 0
        while not self._engine.is_finished():
            try:
                piece = bytes(self._engine.process(data, output_buffer_limit=_CAP_STEP))
            except self._error as error:
                raise Damaged(f"the compressed body is damaged ({error})") from error
            data = b""
            if not piece:  # only then is nothing held back: it takes new data earlier than that
                break
            out.append(piece)
            size += len(piece)
            if size > cap:
                raise TooMuch
        return b"".join(out)


class Unpacker:
    """Collects a body. `feed` raises TooMuch past `cap` decoded bytes, Damaged on bad data.

    `unknown` names a coding we do not undo; the body then stays as it came. `size` is
    what has been decoded so far.
    """

    def __init__(self, encoding: str, cap: int) -> None:
        names = [n.strip().lower() for n in encoding.split(",")] if encoding else []
        coded = [n for n in names if n not in ("", "identity")]
        self.unknown = encoding if len(coded) > 2 or any(n not in _MAKERS for n in coded) else ""
        self._names = [] if self.unknown else coded
        self._layers: list[_Layer] | None = None
        self._cap = cap
        self.size = 0
        self._parts: list[bytes] = []

    @property
    def coded(self) -> bool:
        """Whether the body differs from the bytes on the wire."""
        return bool(self._names)

    def feed(self, data: bytes) -> None:
        """Take the next piece of the body as it came."""
        for layer in self._open(data):
            data = layer.feed(data, self._cap - self.size)
        self.size += len(data)
        if self.size > self._cap:
            raise TooMuch
        if data:
            self._parts.append(data)

    def _open(self, first: bytes) -> list[_Layer]:
        if self._layers is None:
            # Some servers say gzip and send plain text; browsers of old let it pass, evidence must.
            if self._names and self._names[-1] in ("gzip", "x-gzip") and first[:1] != b"\x1f":
                self.unknown = f"{self._names[-1]} (though the body is not)"
                self._names = []
            self._layers = [_MAKERS[name]() for name in reversed(self._names)]
        return self._layers

    @property
    def whole(self) -> bool:
        """False when a compressed stream has begun and not ended."""
        return all(layer.finished for layer in self._layers or ())

    def body(self) -> bytes:
        """All that was decoded, in one piece."""
        if len(self._parts) > 1:
            self._parts = [b"".join(self._parts)]
        return self._parts[0] if self._parts else b""


def _gzip() -> _Layer:
    return _Zlib(gzip=True)


def _deflate() -> _Layer:
    return _Zlib(gzip=False)


_MAKERS = {"gzip": _gzip, "x-gzip": _gzip, "deflate": _deflate, "br": _Brotli}

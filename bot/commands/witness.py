"""`nightjar witness`: a second host cosigns the log, or says why not.

    init    make the cosigner: its own key, and whose log it watches
    cosign  look at the log's newest checkpoint, from a folder or an address, and sign it
    trust   expect the log's new key after a rotation; what was seen stays
    show    what the cosigner knows

Needs no configuration and no database: it runs where the daemon does not.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bot.commands.out import OK, PROBLEM, Out
from storage import keys, notes, witness
from storage.clock import Clock
from storage.errors import NightjarError, NoCosignature, NotNote
from storage.witness import Seen, Vkey

_MOST_BYTES = 100_000
_FETCH_S = 20.0


class Unreachable(NightjarError):
    """The log's folder or address could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked for. act: init, cosign, trust or show. source: a folder or an http(s) address.

    log_key: PEM file of the daemon's public key. out: where the cosigned note goes, or None
    for `cosigned/` in the source.
    """

    act: str
    state: Path
    source: str = ""
    name: str = ""
    log_key: Path | None = None
    out: Path | None = None


def run(out: Out, clock: Clock, order: Order) -> int:
    """Exit code 0, or 1 when the cosigner refuses. Raises KeyTrouble, DiskTrouble, Unreachable."""
    if order.act == "init":
        assert order.log_key is not None
        made = witness.make(order.state, order.name, keys.read_public(order.log_key))
        return _tell(out, order.state, f'put this into the daemon\'s configuration: witnesses = ["{made}"]')
    if order.act == "trust":
        assert order.log_key is not None
        witness.trust(order.state, keys.read_public(order.log_key))
        return _tell(out, order.state, "this key of the log is expected from now on")
    if order.act == "cosign":
        return _cosign(out, clock, order)
    return _tell(out, order.state, "")


def _cosign(out: Out, clock: Clock, order: Order) -> int:
    signer, seen = witness.load(order.state)
    try:
        note, proof = asyncio.run(_fetched(order.source, seen))
        cosigned = witness.cosign(order.state, note, proof, clock.now())
    except NoCosignature as refusal:
        out.facts({"cosigned": False, "why": str(refusal), "size_before": seen.size})
        out.say(refusal, style="bold red")
        return PROBLEM
    size, place = witness.load(order.state)[1].size, order.out
    if place is None and "://" not in order.source:
        mark = Vkey(name=signer.name, public=signer.public).mark.hex()
        place = Path(order.source) / "cosigned" / f"{mark}-{size}"
    if place is not None:
        keys.write(place, cosigned.encode())
    out.facts({"cosigned": True, "size": size, "size_before": seen.size, "note": cosigned, "out": place})
    if place is None:
        out.raw(cosigned)
    else:
        grown = f"it goes on from the {seen.size} seen before" if seen.size else "the first that was seen"
        out.say(f"cosigned the log of {size} entries ({grown}): {place}", style="bold green")
    return OK


def _tell(out: Out, state: Path, words: str) -> int:
    signer, seen = witness.load(state)
    vkey = Vkey(name=signer.name, public=signer.public)
    out.facts(
        {
            "vkey": str(vkey),
            "name": signer.name,
            "origin": seen.origin,
            "size": seen.size,
            "root": seen.root,
            "cosigned_at": seen.cosigned_at or None,
        }
    )
    out.say(str(vkey))
    log_name = f"log nightjar-{seen.origin}" if seen.origin else "no log was seen yet"
    out.say(f"{log_name}, {seen.size} entries" if seen.origin else log_name)
    if words:
        out.say(words)
    return OK


async def _fetched(source: str, seen: Seen) -> tuple[str, str | None]:
    """The newest checkpoint, and the proof from what was seen when one is needed and offered."""
    note = await _read(source, "checkpoint")
    if note is None:
        raise Unreachable(f"{source}: there is no checkpoint")
    try:
        size = notes.read_checkpoint(notes.split_note(note)[0]).size
    except NotNote as error:
        raise NoCosignature(f"the checkpoint is refused: {error}") from error
    if not 0 < seen.size < size:
        return note, None
    return note, await _read(source, f"consistency/{seen.size}-{size}")


async def _read(source: str, name: str) -> str | None:
    """A small text file of the log, or None when it is not there. Raises Unreachable, NoCosignature."""
    raw = await _get(f"{source.rstrip('/')}/{name}") if "://" in source else _file(Path(source) / name)
    if raw is None:
        return None
    if len(raw) > _MOST_BYTES:
        raise NoCosignature(f"{name} is larger than any checkpoint or proof")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise NoCosignature(f"{name} is not text") from None


def _file(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unreachable(f"{path}: {error.strerror}") from error


async def _get(url: str) -> bytes | None:
    from aiohttp import ClientError, ClientSession, DummyCookieJar

    try:
        async with (
            asyncio.timeout(_FETCH_S),
            ClientSession(cookie_jar=DummyCookieJar()) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            if response.status == 404:
                return None
            if response.status != 200:
                raise Unreachable(f"{url}: it answered {response.status}")
            read = b""
            async for chunk in response.content.iter_chunked(_MOST_BYTES):
                read += chunk
                if len(read) > _MOST_BYTES:
                    break
            return read
    except TimeoutError:
        raise Unreachable(f"{url}: no answer within {_FETCH_S:g} s") from None
    except (ClientError, OSError, ValueError) as error:
        raise Unreachable(f"{url}: {type(error).__name__}") from error

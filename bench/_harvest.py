"""A small night made for other people's checkers: real fetches over TLS, real seals, tokens, an export.

A site on loopback speaks every form of HTTP that sites use (chunks, gzip, brotli, redirects) and
edits and deletes its posts; our own fetcher asks it, the store seals, the log is signed and
stamped by two authorities of the test's own, and what was kept is exported.
"""

from __future__ import annotations

import asyncio
import gzip
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import brotli
import pyrage

from bench._looks import judgement, watched
from storage import checkpoints, keys, timestamps, tokens
from storage.clock import SystemClock
from storage.export import export
from storage.model import (
    EvidenceId,
    Lifetime,
    Observation,
    PictureCapture,
    PictureRef,
    Post,
    Response,
    Snapshot,
)
from storage.store import Store
from tests.fakes.market import picture
from tests.fakes.site import RawSite
from tests.fakes.tsa import Authority, make
from tests.watch.kit import fetching, site_tls, target, trusting_tls
from watchers.fetch import Fetcher

FORMS = ("plain", "chunked", "gzip", "gzip in chunks", "brotli in chunks", "after a redirect")
AUTHORITIES = ("tsa-one", "tsa-two")
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": partial(gzip.compress, mtime=0),
    "br": brotli.compress,
}
NEXT_SECOND_S = 1.05
OFFER = "XJ rhino horn carving, real, wechat 13800138000, 3800元, 犀角 {number}, edition {edition}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An export in front of its checkers. sealed: the same, encrypted; identity: the age key for it.

    authority: the folder of the first time-stamp authority, with the keys of its impostor.
    """

    folder: Path
    sealed: Path
    identity: Path
    authority: Path


@dataclass(slots=True)
class _Shop:
    """What the site shows. editions: by post; a deleted one is not in it."""

    editions: dict[int, int] = field(default_factory=dict)
    site: RawSite | None = None

    async def talk(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self.site is not None
        path = self.site.asked[-1].split(b" ")[1].decode()
        writer.write(self.answer(path))

    def answer(self, path: str) -> bytes:
        """The bytes of one answer, in the form that the post's number asks for."""
        kind, _, rest = path.strip("/").partition("/")
        number = int(rest) if rest.isdecimal() else 0
        if not kind:
            links = "".join(f'<li><a href="/post/{n}">{n}</a>' for n in sorted(self.editions))
            return _chunked(f"<ul>{links}</ul>".encode(), "")
        if number not in self.editions:
            return _plain(b"<h1>404</h1> this post was deleted", "", status="404 Not Found")
        if kind == "picture":
            return _plain(picture(number), "", media="image/jpeg")
        if kind == "go":
            return f"HTTP/1.1 302 Found\r\nLocation: /post/{number}\r\nContent-Length: 0\r\n\r\n".encode()
        words = OFFER.format(number=number, edition=self.editions[number])
        body = f"<html><h1>{words}</h1><img src=/picture/{number}></html>".encode()
        return _formed(body, FORMS[number % len(FORMS)])


def _formed(body: bytes, form: str) -> bytes:
    coding = "gzip" if form.startswith("gzip") else "br" if form.startswith("brotli") else ""
    sent = PACKED[coding](body)
    return _chunked(sent, coding) if "chunk" in form else _plain(sent, coding)


def _plain(body: bytes, coding: str, *, status: str = "200 OK", media: str = "text/html") -> bytes:
    return _head(status, media, coding, f"Content-Length: {len(body)}") + body


def _chunked(body: bytes, coding: str) -> bytes:
    parts = [body[at : at + 100] for at in range(0, len(body), 100)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return _head("200 OK", "text/html", coding, "Transfer-Encoding: chunked") + framed + b"0\r\n\r\n"


def _head(status: str, media: str, coding: str, framing: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {media}; charset=utf-8", "X-Server: night/1", framing]
    lines += [f"Content-Encoding: {coding}"] if coding else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass(slots=True)
class _Night:
    """One run: the shop, who asks it, and where it is kept."""

    shop: _Shop
    site: RawSite
    fetcher: Fetcher
    store: Store
    last: dict[int, EvidenceId] = field(default_factory=dict)

    async def round(self, numbers: Iterable[int], observation: Observation) -> None:
        """One poll: the listing, then every one of these posts. Web archives tell seconds apart."""
        await asyncio.sleep(NEXT_SECOND_S)
        listing = await self.get("/", "listing")
        for number in numbers:
            await self.look(number, observation, listing)

    async def look(self, number: int, observation: Observation, listing: Response) -> None:
        """Ask for one post and seal what came."""
        way = "go" if FORMS[number % len(FORMS)] == "after a redirect" else "post"
        page = await self.get(f"/{way}/{number}", "page")
        shown = observation is not Observation.MISSING
        captures = [await self.picture(number)] if shown else []
        now = self.store.clock.now()
        life = None if shown else Lifetime(last_seen_at=now, first_missing_at=now, confirmations=3,
                                           missing_class="404", control=f"{listing.url} alive")  # fmt: skip
        words = OFFER.format(number=number, edition=self.shop.editions.get(number, 0))
        snapshot = Snapshot(
            target="market",
            target_digest="0" * 64,
            observation=observation,
            post=Post(post_id=str(number), url=page.url, title=words, text=words, seller="夜市老王"),
            listing=listing,
            page=page,
            pictures=tuple(captures),
            listed_at=listing.first_byte_at,
            captured_at=now,
            previous=self.last.get(number, ""),
        )
        row = replace(watched(str(number), now), url=page.url)
        sealed = await self.store.seal(snapshot, watched=row, announce=("chat",), lifetime=life)
        if observation is Observation.SEEN:
            await self.store.record(judgement(sealed, self.store.clock.now()), announce=("chat",))
        self.last[number] = sealed.evidence_id

    async def get(self, path: str, purpose: str) -> Response:
        url = self.site.url(path)
        return await self.fetcher.get(url, target(url), purpose=purpose)

    async def picture(self, number: int) -> PictureCapture:
        answer = await self.get(f"/picture/{number}", "picture")
        return PictureCapture(ref=PictureRef(url=answer.url), response=answer)


async def harvest(folder: Path, posts: int) -> Case:
    """Make the night in `folder` and export it: every third post is edited, every fourth deleted."""
    admin = folder / "admin.key"
    authorities = [Authority(folder / name, name) for name in AUTHORITIES]
    for authority in authorities:
        await asyncio.to_thread(make, authority.folder, authority.name)
    async with _night(folder) as night:
        store, numbers = night.store, range(1, posts + 1)
        await asyncio.to_thread(keys.new_admin, admin)
        for authority in authorities:
            tokens.keep_roots(store.folder, authority.name, authority.root_pem.read_bytes())
        await _signed(store, authorities)
        await asyncio.to_thread(
            keys.certify, store.folder, store.vault.origin, keys.admin_signer(admin), store.clock.now()
        )
        night.shop.editions = dict.fromkeys(numbers, 1)
        await night.round(numbers, Observation.SEEN)
        await _signed(store, authorities)
        night.shop.editions |= dict.fromkeys(numbers[::3], 2)
        await night.round(numbers[::3], Observation.CHANGED)
        for number in numbers[::4]:
            del night.shop.editions[number]
        await night.round(numbers[::4], Observation.MISSING)
        await _signed(store, authorities)
        return await _exported(folder, store, authorities, sorted(night.last.values()))


async def harvest_of(folder: Path, data: Path, posts: int) -> Case:
    """Export so many posts of a night that the daemon watched: from a copy, certified and stamped."""
    admin, copy = folder / "admin.key", folder / "data"
    authorities = [Authority(folder / name, name) for name in AUTHORITIES]
    for authority in authorities:
        await asyncio.to_thread(make, authority.folder, authority.name)
    await asyncio.to_thread(shutil.copytree, data, copy)
    store = await Store.open(copy, SystemClock())
    try:
        await asyncio.to_thread(keys.new_admin, admin)
        for authority in authorities:
            tokens.keep_roots(copy, authority.name, authority.root_pem.read_bytes())
        await _signed(store, authorities)
        await asyncio.to_thread(
            keys.certify, copy, store.vault.origin, keys.admin_signer(admin), store.clock.now()
        )
        await store.log_event("export", {"why": "other people's verifiers"})
        await _signed(store, authorities)
        sql = "SELECT max(evidence_id) FROM observation WHERE post_key <> '' GROUP BY post_key ORDER BY 1"
        last = [row[0] for row in await store.vault.database.rows(sql)]
        return await _exported(folder, store, authorities, last[:: max(1, len(last) // posts)])
    finally:
        await store.close()


@asynccontextmanager
async def _night(folder: Path) -> AsyncIterator[_Night]:
    shop = _Shop()
    store = await Store.open(folder / "data", SystemClock())
    try:
        async with RawSite(shop.talk, tls=site_tls()) as site, fetching(tls=trusting_tls()) as fetcher:
            shop.site = site
            yield _Night(shop, site, fetcher, store)
    finally:
        await store.close()


async def _signed(store: Store, authorities: Sequence[Authority]) -> None:
    """A checkpoint, and a token of each authority over it."""
    await checkpoints.sign(store, "news")
    for authority in authorities:
        await tokens.want(store.vault, authority.name, timedelta(0))
        found = await tokens.due(store.vault.database, authority.name, store.clock.now())
        if found is None:
            continue
        token, note = found
        asked = timestamps.request(note)
        await tokens.mark_asking(store.vault, token, asked)
        response = await authority.stamp(asked)
        held = await asyncio.to_thread(
            timestamps.check, note, asked, response, authority.root_pem.read_bytes()
        )
        if isinstance(held, timestamps.Refusal):
            raise RuntimeError(f"{authority.name}: {held.why}")  # noqa: TRY004 -- a verdict, not a type
        await tokens.mark_whole(store.vault, token, response, held)


async def _exported(folder: Path, store: Store, authorities: Sequence[Authority], ids: Sequence[str]) -> Case:
    identity = pyrage.x25519.Identity.generate()
    (folder / "identity.txt").write_text(f"{identity}\n")
    about = partial(export, store, ids, officer="badge 12", why="bench", legal_basis="bench")
    whole = await about(folder / "night")
    sealed = await about(folder / "night.zip", recipients=(str(identity.to_public()),))
    return Case(
        folder=whole, sealed=sealed, identity=folder / "identity.txt", authority=authorities[0].folder
    )

"""Steps of a check: which files there are, their bytes, the bag, the web archive."""

from __future__ import annotations

import re
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from storage.package import layout
from storage.package.bagit import BAGIT_TEXT, SIGNED
from storage.package.source import read, sha256
from storage.package.verdict import Round

_LINE = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9_-][A-Za-z0-9._/-]*)", re.ASCII)
_TAGS = sorted((layout.BAGIT, layout.BAG_INFO, layout.MANIFEST, layout.README, layout.SCRIPT))
_SEALED = sorted((*SIGNED, layout.TAGMANIFEST))
_SEAL_HEAD = 5
_THREADS = 2
_AHEAD = 64
_CHUNK = 1 << 20
_SLICE = 1 << 14
"""What is left after a gzip member is copied: of short pieces, or millions of empty members take hours."""


def files(run: Round) -> None:
    """Exactly the files of the lists are there, and each where packages have one."""
    with run.step("files") as said:
        payload = _listing(run, layout.MANIFEST)
        tags = _listing(run, layout.TAGMANIFEST)
        sealed = _listing(run, layout.SEAL, head=_SEAL_HEAD)
        run.listed = payload | tags | sealed
        run.wanted(list(tags) == _TAGS, f"{layout.TAGMANIFEST} does not list the five tag files")
        run.wanted(
            list(sealed) == _SEALED, f"{layout.SEAL} does not list the signatures and the tag manifest"
        )
        run.wanted(payload, "the payload list is not one")
        for name in payload:
            run.wanted(layout.PAYLOAD.fullmatch(name), f"a name that no file of a package has: {name}")
        for name in run.source.empty:
            run.bad(f"a folder with nothing in it: {name}")
        there = set(run.source.sizes)
        wanted = {*run.listed, layout.SEAL, layout.SEAL_SIGNATURE}
        for name in sorted(wanted - there):
            run.bad(f"missing: {name}")
        for name in sorted(there - wanted):
            run.bad(f"in no list: {name}")
        said.append(f"all {len(wanted)} files of the lists are there, and no other")


def _listing(run: Round, name: str, head: int = 0) -> dict[str, str]:
    """Hash by name, in order, up to the first line of another form, twice, or out of order: that is a fault.

    head: so many lines before the list. What cannot be read is a fault too, and an empty list.
    """
    found: dict[str, str] = {}
    try:
        text = read(run.source, name).decode("ascii")
    except (KeyError, ValueError, OSError) as error:
        run.bad(f"missing: {name}" if isinstance(error, KeyError) else f"{name}: {error}")
        return found
    before = ""
    for number, line in enumerate(_lines(text)):
        match = _LINE.fullmatch(line)
        if number < head:
            continue
        if match is None or ".." in match[2] or match[2] <= before:
            run.bad(f"{name} has a line that is not a SHA-256 and a name, or is out of order: {number + 1}")
            return found
        before = match[2]
        found[before] = match[1]
    run.wanted(text.endswith("\n"), f"{name} is cut")
    return found


def _lines(text: str) -> Iterator[str]:
    """The lines one by one: a list of very many empty ones costs nothing. The last, if it is cut, too."""
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        yield text[at:end]
        at = end + 1


def hashes(run: Round) -> None:
    """Every file is as it was listed. Two threads, a bounded number ahead."""
    with run.step("hashes") as said:
        sizes = run.source.sizes
        total, done = sum(sizes.values()), 0
        waiting: deque[tuple[str, Future[str]]] = deque()

        def take() -> None:
            nonlocal done
            name, result = waiting.popleft()
            done += sizes[name]
            try:
                run.wanted(result.result() == run.listed[name], f"not as it was listed: {name}")
            except (OSError, ValueError) as error:
                run.bad(f"cannot be read: {name}: {error}")
            run.tell(done, total)

        with ThreadPoolExecutor(_THREADS, thread_name_prefix="verify") as pool:
            for name in sorted(set(run.listed) & set(sizes)):
                waiting.append((name, pool.submit(sha256, run.source, name)))
                if len(waiting) >= _AHEAD:
                    take()
            while waiting:
                take()
        rest = sorted(set(sizes) - set(run.listed) - {layout.SEAL, layout.SEAL_SIGNATURE})
        run.wanted(not rest, f"{len(rest)} files are in no list that can be read: {rest[0] if rest else ''}")
        for name, digest in run.listed.items():
            if name.startswith(f"{layout.FILES}/") and name[len(layout.FILES) + 1 :].split(".")[0] != digest:
                run.bad(f"an original is not named by its hash: {name}")
        said.append("every file has the SHA-256 it is listed with")


def bag(run: Round) -> None:
    """BagIt's own declarations."""
    with run.step("bag") as said:
        run.wanted(
            read(run.source, layout.BAGIT) == BAGIT_TEXT.encode(), "bagit.txt is not the one of BagIt 1.0"
        )
        payload = [size for name, size in run.source.sizes.items() if name.startswith("data/")]
        oxum = f"{sum(payload)}.{len(payload)}"
        info = read(run.source, layout.BAG_INFO).decode().split("\n")
        run.wanted(
            info.count(f"Payload-Oxum: {oxum}") == 1, f"bag-info.txt does not give {oxum} as bytes and files"
        )
        said.append(f"{len(payload)} files of {sum(payload)} bytes")


def archive(run: Round) -> None:
    """The web archive is whole gzip, member by member."""
    with run.step("archive") as said:
        if layout.WARC not in run.source.sizes:
            said.append("there is no web archive")
            return
        members = _gzip_members(run.source.chunks(layout.WARC))
        said.append(f"the web archive is whole gzip of {members} members")


def _gzip_members(chunks: Iterable[bytes]) -> int:
    """The number of gzip members, all whole. Raises zlib.error, ValueError when the last one is cut."""
    members, inner = 0, None
    for piece in (chunk[at : at + _SLICE] for chunk in chunks for at in range(0, len(chunk), _SLICE)):
        data = piece
        while data:
            inner = inner or zlib.decompressobj(31)
            out = inner.decompress(data, _CHUNK)
            while len(out) == _CHUNK:
                out = inner.decompress(inner.unconsumed_tail, _CHUNK)
            data = inner.unused_data if inner.eof else b""
            members, inner = (members + 1, None) if inner.eof else (members, inner)
    if inner is not None or not members:
        raise ValueError("the web archive is cut")
    return members

"""A page worker: one process that reads heavy pages, one job at a time.

Started by `watchers.readers` as `python -m watchers.page_worker`; bounded and spoken to
as `watchers.confined` says. A job comes pickled from the daemon, which is trusted; the
answer goes back as JSON, because by then this process has read a stranger's bytes.
"""

from __future__ import annotations

import pickle
import resource
from dataclasses import replace
from pathlib import Path

from storage.codec import dump
from storage.errors import BadPage
from storage.model import Post
from watchers.confined import Frame, serve
from watchers.pages import ANSWER_MAX_BYTES, Found, ReadListing, ReadPost, read

MEMORY_MAX_BYTES = 640 << 20
"""Address space; 5 MB of 100,000 links take 285 MB of it, libraries included."""
JOB_MEMORY_BYTES = 224 << 20
"""What one page may take beyond the libraries."""
TIRED_BYTES = 100 << 20
"""Resident size after which the process is replaced: what one page took is not kept for the night."""
_TIGHTER = ((50_000, 100), (5_000, 20), (500, 5))
"""(characters of a text, pictures of a post) kept when an answer would be longer, step by step."""


def answer(_head: dict[str, object], body: bytes) -> Frame:
    """Do one job. MemoryError is an answer too; the daemon then replaces this worker."""
    try:
        text = fitted(read(pickle.loads(body)))  # noqa: S301 - our own daemon wrote it
    except BadPage as bad:
        return {"bad": bad.why[:2_000], "field": bad.field}, b""
    except MemoryError:
        return {"bad": "ran out of memory", "spent": True}, b""
    except Exception as error:  # noqa: BLE001 - the edge: a reader's surprise is this job's answer
        return {"bad": f"reader failed: {type(error).__name__}: {str(error)[:120]}"}, b""
    return {"spent": tired()}, text


def fitted(found: Found) -> bytes:
    """The JSON of what was read, texts and pictures cut until it is short enough. Raises BadPage."""
    text = dump(found).encode()
    for chars, pictures in _TIGHTER:
        if len(text) <= ANSWER_MAX_BYTES:
            break
        found = _cut(found, chars, pictures)
        text = dump(found).encode()
    if len(text) > ANSWER_MAX_BYTES:
        raise BadPage("", f"says more than {ANSWER_MAX_BYTES:,} bytes, however much is cut")
    return text


def _cut(found: Found, chars: int, pictures: int) -> Found:
    if isinstance(found, ReadPost):
        return replace(found, post=_shorter(found.post, chars, pictures))
    if isinstance(found, ReadListing):
        posts = tuple(_shorter(post, chars, pictures) for post in found.listing.posts)
        note = f"posts were cut to {chars} characters and {pictures} pictures: the page says too much"
        listing = replace(
            found.listing, posts=posts, title=found.listing.title[:chars], notes=(*found.listing.notes, note)
        )
        return replace(found, listing=listing)
    return found


def _shorter(post: Post, chars: int, pictures: int) -> Post:
    """`post` with its long fields cut. Addresses stay: half of one leads nowhere."""
    return replace(
        post,
        title=post.title[:chars],
        text=post.text[:chars],
        seller=post.seller[:chars],
        price=post.price[:chars],
        location=post.location[:chars],
        posted_raw=post.posted_raw[:chars],
        pictures=tuple(replace(p, alt=p.alt[:chars]) for p in post.pictures[:pictures]),
        extra=tuple((name[:chars], value[:chars]) for name, value in post.extra[:pictures]),
    )


def tired() -> bool:
    """Whether this process has grown so much that a fresh one is better; False where none can tell.

    Not by `ru_maxrss`: a new process begins with that of the daemon it was forked from.
    """
    try:
        resident = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return False
    return resident * resource.getpagesize() > TIRED_BYTES


def main() -> None:
    """Answer frames until the daemon closes the pipe."""
    serve(
        answer,
        lambda: None,
        memory_max_bytes=MEMORY_MAX_BYTES,
        job_memory_bytes=JOB_MEMORY_BYTES,
        ready="pages",
    )


if __name__ == "__main__":
    main()

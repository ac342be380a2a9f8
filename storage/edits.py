"""What an edit changed in a post: which fields, and the words around the first difference.

Compared is what `watchers` calls an edit: title, price, pictures, text, seller, place; counters
and relative times that a site keeps apart change by themselves. A change keeps a stretch of
either text that is far longer than what is shown, so that contacts are starred in it before it
is cut: half a telephone number looks like none. Pure; not here: starring (`storage.starred`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from storage.model import Change, Edit, Evidence, Observation, Post

_COMPARED = 200_000
"""Characters of a field that are compared."""
_BEFORE, _AFTER = 120, 420
"""Characters kept before and after the first difference."""
MOST_SHOWN = 200
"""Characters of either text that may be shown: what is cut off stays far from the kept stretch's end."""
_MARK = "…"


def edit(before: Evidence, after: Evidence, contacts: tuple[str, ...] = ()) -> Edit:
    """What the look `after` changed against the one before it. contacts: found by judging `before`."""
    return Edit(previous=before.evidence_id, changes=tuple(_changes(before, after)), contacts=contacts)


def _changes(before: Evidence, after: Evidence) -> Iterator[Change]:
    old, new = _fields(before.post), _fields(after.post)
    for what in ("title", "price"):
        yield from _change(what, old[what], new[what])
    if before.observation is not Observation.MISSING:  # such a look has no pictures of its own
        counts = tuple(_pictures(before, after))
        yield from [Change(what="pictures", counts=counts)] if counts else []
    for what in ("text", "seller", "seller's page", "place"):
        yield from _change(what, old[what], new[what])


def _fields(post: Post) -> Mapping[str, str]:
    texts = {
        "title": post.title,
        "price": post.price,
        "text": post.text,
        "seller": post.seller,
        "seller's page": post.seller_url,
        "place": post.location,
    }
    return {what: " ".join(text[:_COMPARED].split()) for what, text in texts.items()}


def _change(what: str, old: str, new: str) -> Iterator[Change]:
    if old == new:
        return
    start = _alike(old, new)
    rest = _alike(old[start:][::-1], new[start:][::-1])
    at = max(0, start - _BEFORE)
    yield Change(
        what=what,
        before=_stretch(old, at, start + _AFTER),
        after=_stretch(new, at, start + _AFTER),
        start=start - at + (len(_MARK) if at else 0),
        ends=(len(old) - rest - at, len(new) - rest - at),
    )


def _alike(one: str, other: str) -> int:
    """How many characters both begin with. By halves, since slices are compared at the speed of C."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def _stretch(text: str, start: int, end: int) -> str:
    return (_MARK if start else "") + text[start:end] + (_MARK if end < len(text) else "")


def _pictures(before: Evidence, after: Evidence) -> Iterator[tuple[str, int]]:
    """How many pictures came, went and differ; one that a look did not get has not gone."""
    old, new = _named(before), _named(after)
    had, has = set(old.values()) - {""}, set(new.values()) - {""}
    both = old.keys() & new.keys()
    counts = {
        "added": sum(sha256 not in had for name, sha256 in new.items() if name not in old),
        "removed": sum(sha256 not in has for name, sha256 in old.items() if name not in new),
        "with other bytes": sum(bool(old[n] and new[n]) and new[n] not in had for n in both),
        "had only now": sum(bool(new[n]) and not old[n] for n in both),
        "not had this time": sum(bool(old[n]) and not new[n] for n in both),
    }
    yield from ((word, count) for word, count in counts.items() if count)


def _named(look: Evidence) -> dict[str, str]:
    """The SHA-256 of each picture that the post names, by what stays of its address; "" when not had."""
    kept = {picture.url: str(picture.sha256) for picture in look.pictures}
    refs = [ref for ref in look.post.pictures if ref.role != "avatar"]
    return {ref.key or ref.url: kept.get(ref.url, "") for ref in refs}


def shortened(change: Change, most: int) -> tuple[str, str]:
    """Old and new, each in at most `most` characters (no more than `MOST_SHOWN`), around the difference.

    Of a starred change the ends still fit: stars stand one for one.
    """
    most = min(most, MOST_SHOWN)
    if len(change.before) <= most and len(change.after) <= most:
        return change.before, change.after
    lead = most // 4
    start = max(0, change.start - lead)
    before, after = (
        _cut(text, start, min(end + lead, start + most), most)
        for text, end in zip((change.before, change.after), change.ends, strict=True)
    )
    return before, after


def _cut(text: str, start: int, end: int, most: int) -> str:
    head = _MARK if start else ""
    room, piece = most - len(head), text[start:end]
    if end < len(text) or len(piece) > room:
        piece = piece[: room - 1].rstrip() + _MARK
    return head + piece


def told(change: Change, most: int) -> str:
    """A change in a few words, as on screens: "price: 9,000 → 8,000", "pictures: 1 added"."""
    return "".join(words for words, _ in pieces(change, most))


def pieces(change: Change, most: int) -> tuple[tuple[str, bool], ...]:
    """The words of a change, and which of them are the site's and not ours."""
    if change.counts:
        counted = ", ".join(f"{count} {word}" for word, count in change.counts)
        return ((f"{change.what}: {counted}", False),)
    before, after = shortened(change, most)
    if not before or not after:
        verb = "added" if after else "removed"
        return ((f"{change.what} {verb}: ", False), (after or before, True))
    if before == after:  # the stars hide the difference
        return ((f"{change.what}: differs where it is starred: ", False), (after, True))
    return ((f"{change.what}: ", False), (before, True), (" → ", False), (after, True))

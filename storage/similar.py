"""Which kept pictures look alike: exact search over their perceptual hashes.

phash-64 as they are, PDQ (`fingerprints`) in all eight ways a picture can lie. Exact: graph
indexes lost 14-43 % of true neighbours on hashes (facts: imaging). What came lately
is compared one by one; once there is much of it, it is put in order (`parts`, `bands`), or a
search would cost in proportion to all pictures ever kept. Holds about 100 bytes per picture, in order 140.
Small indexes are searched in plain Python, so that a young watch never loads numpy.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from storage.fingerprints import Fingerprints
from storage.marked import Marked
from storage.model import NEAR_PDQ_BITS, SAME_PHASH_BITS, PictureMatch, Sha256, Tier
from storage.turns import TURNS

if TYPE_CHECKING:
    import numpy as np

    from storage.parts import Parts

_PLAIN_UP_TO = 4_000
_SAME_BYTES_KEPT = 4
_LOOSE = 262_144
_LOOSE_SHARE = 16
"""So many, or this part of all, are compared one by one: a fifth of a millisecond. In order 65,536 took twice
as long to search as without, and 4.6 MB more from one post to the next, two hours into a night."""
_ONE_BY_ONE = 16_384
"""Beyond so many `fill` does not look for copies of each."""
MARKED_MOST = 100_000
"""Hashes of known pictures that crops are compared with; of those beyond only whole copies are found."""
_TIERS = tuple(Tier)
_SHA256_BYTES = 32
_HEADS = _SHA256_BYTES // 8
_ID_BYTES = 16
_OTHER = bytes(_ID_BYTES)
"""Stands for a name that is no evidence id of 32 hex digits, which is in `_others`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A picture to be found again. known: evidence id or "gallery:NAME". phash: "" for none."""

    sha256: str
    known: str
    tier: Tier
    phash: str = ""
    pdqs: Sequence[str] = ()
    label: str = ""


class PictureIndex:
    """Grows by `add`, answers `near`. Not for several threads at once, but for `settle` beside `near`."""

    def __init__(self) -> None:
        self._hashes = array("Q")
        self._names = bytearray()
        self._tiers = bytearray()
        self._known = bytearray()
        self._others: dict[int, str] = {}
        self._labels: dict[int, str] = {}
        self._parts: Parts | None = None
        self._hashless: set[int] = set()
        """Pictures with no phash: one of zeros stands in its place and means nothing."""
        self._prints = Fingerprints()
        self._marked = Marked()
        """Of known pictures alone: contraband, or of a post in an item."""
        self._unsifted = False

    def __len__(self) -> int:
        return len(self._hashes)

    @property
    def unsettled(self) -> bool:
        """Whether so many came lately that `settle` is due."""
        loose = len(self._hashes) - self._ordered
        if self._prints.unsettled:
            return True
        return loose > max(_LOOSE, self._ordered // _LOOSE_SHARE)

    @property
    def unsifted(self) -> bool:
        """Whether so many were filled in at once that `sift` is due."""
        return self._unsifted

    @property
    def _ordered(self) -> int:
        return self._parts.count if self._parts is not None else 0

    @property
    def prints(self) -> int:
        """How many PDQ hashes are held."""
        return len(self._prints)

    @property
    def marked(self) -> int:
        """How many PDQ hashes of known pictures are held."""
        return len(self._marked)

    def add(self, seen: Seen) -> None:
        """Make a picture findable.

        The same bytes under the same name count once, and at most four times in all: a logo
        on every page would fill the index and say nothing. Raises ValueError for what is no hash.
        """
        name, value = _read(seen)
        places = self._places(name, value)
        if (len(places) >= _SAME_BYTES_KEPT and not seen.label) or any(
            self._name_at(p) == seen.known for p in places
        ):
            return
        if seen.label:
            self._labels[len(self._hashes)] = seen.label
        self._append(name, value, seen)

    def fill(self, pictures: Iterable[Seen]) -> None:
        """Many at once, at the start; beyond the first 16,384 copies are left out by `sift` alone.

        Raises ValueError for what is no hash.
        """
        for seen in pictures:
            if len(self._hashes) <= _ONE_BY_ONE:
                self.add(seen)
            else:
                self._append(*_read(seen), seen)
                self._unsifted = True

    def _append(self, name: bytes, value: int, seen: Seen) -> None:
        place, packed = len(self._hashes), _packed(seen.known)
        if packed == _OTHER:
            self._others[place] = seen.known
        if not seen.phash:
            self._hashless.add(place)
        for pdq in dict.fromkeys(seen.pdqs):
            self._prints.add(pdq, place)
            if len(self._marked) < MARKED_MOST and (seen.label or seen.tier is not Tier.NONE):
                self._marked.add(pdq, place)
        self._hashes.append(value)
        self._names += name
        self._tiers.append(seen.tier.rank)
        self._known += packed

    def sift(self) -> None:
        """Leave out what `add` would have left out, after `fill`. In a thread as `settle`."""
        from storage import parts

        for at in parts.surplus(self._names, self._known, _SAME_BYTES_KEPT):
            self._drop(int(at))
        self._unsifted = False

    def settle(self) -> None:
        """Put all in order; up to two seconds for five million, best in a thread while nothing is added."""
        from storage import parts

        self._parts = parts.ordered(self._hashes)
        if self._prints.unsettled:
            self._prints.settle()

    def _drop(self, at: int) -> None:
        self._known[at * _ID_BYTES : (at + 1) * _ID_BYTES] = _OTHER
        self._others[at] = ""

    def _places(self, name: bytes, value: int) -> list[int]:
        """Where these very bytes stand already; of what is not in order, by a look through the names."""
        found = self._loose_places(name)
        if self._parts is not None:
            found += [at for _, at in self._parts.near(self._hashes, value, 0) if self._bytes_at(at) == name]
        return [at for at in found if self._name_at(at)]

    def _loose_places(self, name: bytes) -> list[int]:
        if len(self._hashes) - self._ordered > _PLAIN_UP_TO:
            return self._loose_places_of_many(name)
        found, at = [], self._names.find(name, self._ordered * _SHA256_BYTES)
        while at >= 0:
            if at % _SHA256_BYTES == 0:
                found.append(at // _SHA256_BYTES)
            at = self._names.find(name, at + 1)
        return found

    def _loose_places_of_many(self, name: bytes) -> list[int]:
        """By the first eight bytes of each: a fifth of the time that a look through all of them takes."""
        import numpy as np

        heads: np.ndarray[tuple[int], np.dtype[np.uint64]] = np.frombuffer(self._names, dtype=np.uint64)
        (head,) = np.frombuffer(name[:8], dtype=np.uint64)
        begin = self._ordered
        places = np.flatnonzero(heads[begin * _HEADS :: _HEADS] == head) + begin
        del heads  # or the array could not grow any more
        return [int(at) for at in places if self._bytes_at(int(at)) == name]

    def _bytes_at(self, at: int) -> bytes:
        return bytes(self._names[at * _SHA256_BYTES : (at + 1) * _SHA256_BYTES])

    def _name_at(self, at: int) -> str:
        packed = bytes(self._known[at * _ID_BYTES : (at + 1) * _ID_BYTES])
        return self._others[at] if packed == _OTHER else packed.hex()

    def forget(self, known: str) -> None:
        """Let nothing be found by this evidence id any more: it was erased."""
        packed = _packed(known)
        if packed == _OTHER:
            places = [at for at, name in self._others.items() if name == known]
        else:
            places, at = [], self._known.find(packed)
            while at >= 0:
                if at % _ID_BYTES == 0:
                    places.append(at // _ID_BYTES)
                at = self._known.find(packed, at + 1)
        for place in places:
            self._drop(place)

    def near(
        self,
        phash_hex: str,
        max_bits: int,
        *,
        sha256: str = "",
        limit: int = 50,
        pdqs: Sequence[str] = (),
    ) -> tuple[PictureMatch, ...]:
        """Pictures within `max_bits` differing bits, nearest first, then the oldest; exact.

        sha256: of the picture asked about, copied into the matches. pdqs: of it too; what is the same by this
        hash and another picture by these is matched by these, as one to be looked at.
        """
        wanted = int(phash_hex, 16)
        plain = len(self._hashes) <= _PLAIN_UP_TO and self._parts is None
        found = self._plain(wanted, max_bits) if plain else self._fast(wanted, max_bits)
        kept = ((bits, at) for bits, at in sorted(found) if self._name_at(at) and at not in self._hashless)
        return tuple(
            self._doubted(self._match(at, bits, Sha256(sha256)), at, pdqs) for bits, at in islice(kept, limit)
        )

    def _doubted(self, match: PictureMatch, at: int, pdqs: Sequence[str]) -> PictureMatch:
        """64 bits hold little: a cot on one cloth with a carving differed by 4 of them, and by 68 of 256.

        Of 137 altered copies within 5 bits of 64 none differed by more than 62.
        """
        if not pdqs or match.distance_bits > SAME_PHASH_BITS:
            return match
        bits = self._prints.bits(pdqs, at)
        if bits is None or bits <= NEAR_PDQ_BITS:
            return match
        return replace(match, by="pdq", distance_bits=bits)

    def near_pdq(
        self, pdqs: Sequence[str], max_bits: int, *, sha256: str = "", limit: int = 50
    ) -> tuple[PictureMatch, ...]:
        """Pictures within `max_bits` of one of these PDQ hashes, however they lie; nearest first; exact.

        One match a picture. sha256: of the picture asked about, copied into the matches.
        """
        nearest: dict[int, tuple[int, int]] = {}
        for pdq in dict.fromkeys(pdqs):
            for bits, at, turn in self._prints.near(pdq, max_bits):
                nearest[at] = min(nearest.get(at, (bits, turn)), (bits, turn))
        found = sorted((bits, at, turn) for at, (bits, turn) in nearest.items())
        kept = (hit for hit in found if self._name_at(hit[1]))
        return tuple(
            replace(self._match(at, bits, Sha256(sha256)), by="pdq", turned=TURNS[turn].called)
            for bits, at, turn in islice(kept, limit)
        )

    def near_probes(
        self, probes: Sequence[str], max_bits: int, *, sha256: str = "", limit: int = 50
    ) -> tuple[PictureMatch, ...]:
        """Known pictures within `max_bits` of any of these hashes, nearest first, one match each; exact.

        probes: what a picture may have been (`watchers.picture_probes`). Loads numpy.
        """
        kept = sorted(hit for hit in self._marked.near(probes, max_bits) if self._name_at(hit[1]))
        return tuple(
            replace(self._match(at, bits, Sha256(sha256)), by="pdq", turned=_changed(turn))
            for bits, at, turn in kept[:limit]
        )

    def _plain(self, wanted: int, max_bits: int) -> list[tuple[int, int]]:
        distances = ((wanted ^ value).bit_count() for value in self._hashes)
        return [(bits, at) for at, bits in enumerate(distances) if bits <= max_bits]

    def _fast(self, wanted: int, max_bits: int) -> list[tuple[int, int]]:
        import numpy as np

        parts, begin = self._parts, 0
        found: list[tuple[int, int]] = []
        if parts is not None and parts.reaches(max_bits):
            begin = parts.count
            found = parts.near(self._hashes, wanted, max_bits)
        view: np.ndarray[tuple[int], np.dtype[np.uint64]] = np.frombuffer(self._hashes, dtype=np.uint64)
        distances = np.bitwise_count(view[begin:] ^ np.uint64(wanted))
        where = np.nonzero(distances <= max_bits)[0]
        found += [(int(distances[at]), int(at) + begin) for at in where]
        del view  # or the array could not grow any more
        return found

    def _match(self, at: int, bits: int, sha256: Sha256) -> PictureMatch:
        return PictureMatch(
            sha256=sha256,
            known=self._name_at(at),
            known_sha256=Sha256(self._bytes_at(at).hex()),
            distance_bits=bits,
            known_tier=_TIERS[self._tiers[at]],
            label=self._labels.get(at, ""),
        )


def _changed(turn: int) -> str:
    return ", ".join(filter(None, (TURNS[turn].called, "cut or turned a little")))


def _read(seen: Seen) -> tuple[bytes, int]:
    name, value = bytes.fromhex(seen.sha256), int(seen.phash or "0", 16)
    if len(name) != _SHA256_BYTES or value >> 64:
        raise ValueError(f"not a SHA-256 with a 64-bit hash: {seen.sha256!r}, {seen.phash!r}")
    return name, value


def _packed(known: str) -> bytes:
    """An evidence id in 16 bytes; `_OTHER` for a name that is none or would not come back the same."""
    if len(known) != 2 * _ID_BYTES:
        return _OTHER
    try:
        packed = bytes.fromhex(known)
    except ValueError:
        return _OTHER
    return packed if packed.hex() == known else _OTHER

"""The second stage beside judging: which pictures the bank is asked about, and what is put into it.

A question costs about as much as all else that a post costs together, so not every picture is worth
one. Pictures of posts that say next to nothing, or something suspicious, are asked about before their
verdict; others as far as the allowance goes, since beside ordinary words a likeness alone does not make
an alert. Known pictures are taken in behind the verdicts, never before one.

    judging --match--> SecondLook --> bank --pipe--> watchers.bank_worker
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from storage.clock import Clock
from storage.model import PictureMatch, Post, Sha256, Tier, Verdict
from watchers.bank import MOST, Bank, Known
from watchers.detect import hint, history, unnamed
from watchers.detect.silence import hardly_a_word

QUESTION_S = 0.05
"""Of a processor, for one question: points of a picture, and the comparison."""
ORDINARY_SHARE = 0.02
"""Of a processor, spent on pictures beside ordinary words in the long run."""
_SAVED_MOST_S = 2.0
_FOR_ANY_S = 1.0
"""Saved at least, for posts that not even name a way to the seller: those that do come first."""
_ASKED_KEPT = 4_096
_SUSPICIOUS = ("term", history.KIND, unnamed.KIND, hint.KIND)
"""Kinds of reasons."""


class SecondLook:
    """Asks, and fills, a bank. Use from one event loop; `run` owns the filling."""

    def __init__(self, bank: Bank, clock: Clock) -> None:
        self._bank, self._clock = bank, clock
        self._to_take: asyncio.Queue[Known] = asyncio.Queue()
        self._at, self._saved_s = clock.monotonic(), _SAVED_MOST_S
        self._lately: OrderedDict[Sha256, None] = OrderedDict()
        """Pictures beside ordinary words that were asked about lately."""
        self.asked, self.left_out = 0, 0
        """Questions, and pictures that were not asked about since the allowance was spent."""
        self.given, self._taken = 0, 0
        """Known pictures that were given to the bank, and how many of these had their turn."""
        self._progress = asyncio.Condition()

    def __len__(self) -> int:
        return len(self._bank)

    @property
    def is_whole(self) -> bool:
        """Whether the bank holds all that was given to it: what it does not know then is not known."""
        return self._taken == self.given and self._bank.is_whole

    @property
    def gathers(self) -> bool:
        """Whether the bank is being gathered again at this moment."""
        return self._bank.gathers

    async def run(self) -> None:
        """Take known pictures in, for ever."""
        while True:
            await self._bank.add(await self._to_take.get())
            self._to_take.task_done()
            async with self._progress:
                self._taken += 1
                self._progress.notify_all()

    async def reached(self, given: int) -> None:
        """Wait until so many known pictures had their turn; only while `run` runs."""
        async with self._progress:
            await self._progress.wait_for(lambda: self._taken >= given)

    async def settle(self) -> None:
        """Wait until all known pictures given so far are in; only while `run` runs."""
        await self._to_take.join()

    def take(self, known: Known) -> None:
        """A known picture for the bank, to be had from the store when its turn comes; beyond `MOST` none."""
        if len(self._bank) + self._to_take.qsize() < MOST:
            self._to_take.put_nowait(known)
            self.given += 1

    async def match(self, data: bytes, sha256: Sha256) -> tuple[PictureMatch, ...]:
        """Known pictures that share a part with this one, the surest first. Never raises."""
        self.asked += 1
        return await self._bank.match(data, sha256)

    def ask_again(self, sha256: Sha256) -> None:
        """Let a picture that was asked about lately count as not asked about: the bank was not whole."""
        self._lately.pop(sha256, None)

    def worth(self, sha256: Sha256, post: Post, verdict: Verdict) -> bool:
        """Whether to ask about this picture before its post is judged.

        verdict: on the post's words alone. Counts as asked when the answer is yes.
        """
        if not len(self._bank) and self.is_whole:
            return False
        if suspicious(post, verdict):
            return True
        if sha256 in self._lately:
            return False
        now = self._clock.monotonic()
        earned = (now - self._at) / self._clock.speed * ORDINARY_SHARE
        self._at, self._saved_s = now, min(_SAVED_MOST_S, self._saved_s + earned)
        offered = any(reason.kind in ("contact", "cue") for reason in verdict.reasons)
        if self._saved_s < (QUESTION_S if offered else _FOR_ANY_S):
            self.left_out += 1
            return False
        self._saved_s -= QUESTION_S
        self._lately[sha256] = None
        if len(self._lately) > _ASKED_KEPT:
            self._lately.popitem(last=False)
        return True

    def forget(self, known: str) -> None:
        """Let nothing be found by this name any more: it was erased."""
        self._bank.forget(known)

    async def close(self) -> None:
        """End the process that compares. Twice is harmless."""
        await self._bank.close()


def suspicious(post: Post, verdict: Verdict) -> bool:
    """Whether a likeness could decide over this post.

    It says next to nothing, or a word of the trade, or names a piece and not its material, or is of a known
    account, or a classifier takes one of its pictures for what it was asked to look for.
    """
    if verdict.tier is not Tier.NONE or hardly_a_word(post, verdict):
        return True
    return any(reason.kind in _SUSPICIOUS for reason in verdict.reasons)

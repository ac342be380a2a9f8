"""What a watch learns of its nights as it judges: how usual silence is where, and what goods are called.

Kept in memory, and after a start worked out anew from the looks that were judged last (`recollect`): a
daemon that is killed at midnight knows at one what it knew.
"""

from __future__ import annotations

import asyncio

import structlog

from storage.errors import StoreError
from storage.model import Judgement, Post, Verdict
from storage.observations import Judged
from storage.store import Store
from watchers.detect.byname import is_offered, names_in, tier_without_name, with_name
from watchers.detect.score import text_of
from watchers.detect.terms import find
from watchers.detect.unspoken import is_unspoken
from watchers.habits import Habits
from watchers.lexicon import Lexicon
from watchers.nicknames import Nicknames

LONG_CHARS = 4_000
"""Texts beyond it are judged in a thread: 3 ms for so much of an advert, 20 of the worst.

They are not looked through for names."""
RECOLLECTED = 2_000
"""Looks of which a start reminds itself: a busy night's, and less than a second's work in between."""
_PAGE = 20
"""To make objects of so many takes two or three milliseconds, in which the loop does nothing else."""

_BETWEEN_S = 0.02
"""Real seconds between two pages: a start has ten thousand first polls to make meanwhile."""

log = structlog.get_logger()


class Lore:
    """For one event loop. No fault in here stops a verdict or hides a post."""

    def __init__(self) -> None:
        self._habits = Habits()
        self._nicknames = Nicknames()

    def names(self, post: Post, lexicon: Lexicon) -> tuple[str, ...]:
        """What the post calls the material of a piece."""
        if len(post.text) > LONG_CHARS:
            return ()
        try:
            return names_in(find(lexicon, text_of(post)))
        except Exception:
            log.exception("names not looked for", post=post.post_id)
            return ()

    def is_silence_rare(self, target: str) -> bool:
        """Whether a post without a word is unusual on this target, and on all together."""
        return self._habits.is_rare(target)

    def named(self, verdict: Verdict, names: tuple[str, ...], target: str, post: Post) -> Verdict:
        """The verdict on an offer under a word that another seller of tonight was told for."""
        if is_offered(verdict) and (name := self._nicknames.told(names, _seller(target, post))):
            return with_name(verdict, name)
        return verdict

    def learn(self, judgement: Judgement, names: tuple[str, ...]) -> None:
        """Of a post that was judged just now."""
        evidence = judgement.evidence
        look = Judged(evidence.target, evidence.post, judgement.pictures, judgement.verdict)
        self._note(look, names, evidence.evidence_id)

    async def recollect(self, store: Store, lexicon: Lexicon) -> int:
        """Learn of the looks that were judged last, before the newest of now; how many. In small steps."""
        count, before = 0, None
        while count < RECOLLECTED:
            try:
                page = await store.judged_lately(before, _PAGE)
            except StoreError as trouble:
                log.warning("what was learnt before is not known", why=str(trouble))
                break
            except Exception:  # a row that cannot be read
                log.exception("what was learnt before is not known")
                break
            for look in page.looks:
                self._note(look, self.names(look.post, lexicon), look.post.post_id)
                await asyncio.sleep(0)
            count, before = count + len(page.looks), page.before
            if before is None:
                break
            await asyncio.sleep(_BETWEEN_S)
        return count

    def _note(self, look: Judged, names: tuple[str, ...], what: str) -> None:
        try:
            silent = is_unspoken(look.post, look.pictures, look.verdict)
            self._habits.note(look.target, silent=silent)
            tier = tier_without_name(look.verdict)
            self._nicknames.note(names, tier, _seller(look.target, look.post))
        except Exception:
            log.exception("nothing learnt of a post", of=what)


def _seller(target: str, post: Post) -> str:
    return f"{target}\0{post.seller or post.post_id}"

"""What accounts showed, kept row by row as looks are judged, and read back for linking.

Follows the log: the mark says up to which verdict looks were traced, and by which recipe. All
of it is derived; another recipe begins anew. Not here: what a trace is (`watchers.linking`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.codec import clean, load, micros, moment
from storage.database import Database
from storage.model import (
    LIKELY_PDQ_BITS,
    SAME_PHASH_BITS,
    SURE_DIFFERING_PERCENT,
    SURE_POINTS,
    Post,
    Sha256,
    Tier,
    Verdict,
)
from storage.observations import pictures_of
from storage.sellers import Account, Record
from storage.vault import Vault
from storage.writer import Batch

MARK = "traces"
PICTURED, TOLD, OFFERED = "picture", "told", "offered"
"""Kinds of a picture: shown quietly, in an advert that was told, and in one that was told loudly."""
TRACES_PER_LOOK = 64
_ACCOUNT = (
    "INSERT INTO account (account_id, site, name, url) VALUES (?, ?, ?, ?) ON CONFLICT (account_id) "
    "DO UPDATE SET url = CASE excluded.url WHEN '' THEN url ELSE excluded.url END"
)
# A look may have been erased since it was read: then nothing of it is kept.
_TRACE = (
    "INSERT OR REPLACE INTO trace (id, seq, account_id, kind, value) "
    "SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM observation WHERE seq = ?2)"
)
_LATEST = 200
_QUIET = (
    "SELECT o.evidence_id FROM observation o JOIN verdict v ON v.seq = o.seq "
    "WHERE v.tier = 'none' AND o.captured_at >= ?1 AND o.seq IN "
    "(SELECT max(n.seq) FROM observation n WHERE n.observation <> 'missing' AND n.post_key IN "
    "(SELECT b.post_key FROM observation b WHERE b.seq IN (SELECT value FROM json_each(?2))) "
    "GROUP BY n.post_key) ORDER BY o.seq DESC LIMIT ?3"
)
_SET_MARK = (
    "INSERT INTO mark (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A look with its verdict. leaf: log entry of the verdict. pictures: those that have a hash."""

    seq: int
    leaf: int
    target: str
    post_key: str
    post: Post
    verdict: Verdict
    pictures: tuple[Sha256, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Something that an account showed in a look; kinds as in `seller_tables.TraceRow`."""

    seq: int
    account_id: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The first look in which an account showed this."""

    kind: str
    value: str
    account_id: str
    seq: int


async def judged_after(database: Database, leaf: int, limit: int) -> tuple[Judged, ...]:
    """Looks whose verdict the log holds behind entry `leaf`, in the order of judging."""
    sql = (
        "SELECT v.seq, v.leaf, o.target, o.post_key, o.post, v.verdict FROM verdict v "
        "JOIN observation o ON o.seq = v.seq WHERE v.leaf > ? ORDER BY v.leaf LIMIT ?"
    )
    rows = await database.rows(sql, (leaf, limit))
    pictures = await pictures_of(database, [row[0] for row in rows])
    return tuple(
        Judged(
            seq=seq,
            leaf=at,
            target=target,
            post_key=post_key,
            post=load(Post, post),
            verdict=load(Verdict, verdict),
            pictures=tuple(dict.fromkeys(p.sha256 for p in pictures[seq] if p.phash)),
        )
        for seq, at, target, post_key, post, verdict in rows
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerted:
    """An advert that people were told of, as the alert's look showed it. at: when it was told."""

    target: str
    post_key: str
    post: Post
    verdict: Verdict
    at: datetime


async def alerted_since(database: Database, since: datetime, tiers: Sequence[Tier]) -> tuple[Alerted, ...]:
    """Adverts whose alerts have one of these tiers and were written since then, oldest first."""
    sql = (
        "SELECT o.target, o.post_key, o.post, v.verdict, a.created_at FROM alert a "
        "JOIN observation o ON o.seq = a.seq JOIN verdict v ON v.seq = a.seq "
        "WHERE a.kind IN ('new', 'repost', 'changed', 'read') AND a.created_at >= ?1 "
        "AND v.tier IN (SELECT value FROM json_each(?2)) ORDER BY a.created_at, a.rowid"
    )
    rows = await database.rows(sql, (micros(since), json.dumps([tier.value for tier in tiers])))
    return tuple(
        Alerted(
            target=target, post_key=key, post=load(Post, post), verdict=load(Verdict, verdict), at=moment(at)
        )
        for target, key, post, verdict, at in rows
    )


async def mark(database: Database, recipe: str) -> int:
    """The log entry up to which looks were traced by this recipe; -1 when none was."""
    rows = await database.rows("SELECT value FROM mark WHERE name = ?", (MARK,))
    made_by, _, leaf = str(rows[0][0]).partition(" ") if rows else ("", "", "")
    return int(leaf) if made_by == recipe and leaf.isdigit() else -1


async def keep(
    vault: Vault, recipe: str, leaf: int, accounts: Iterable[Account], traces: Sequence[Trace]
) -> None:
    """Keep the traces of looks judged up to `leaf`, with the mark, in one transaction."""
    named = [(a.account_id, clean(a.site)[:255], clean(a.name), clean(a.url)) for a in accounts]
    rows, places = [], dict[int, int]()
    for trace in traces:
        place = places.get(trace.seq, 0)
        places[trace.seq] = place + 1
        if place < TRACES_PER_LOOK:
            at = trace.seq * TRACES_PER_LOOK + place
            rows.append((at, trace.seq, trace.account_id, trace.kind, clean(trace.value)))

    async def job(batch: Batch) -> None:
        for account in named:
            batch.many(_ACCOUNT, account)
        for row in rows:
            batch.many(_TRACE, row)
        batch.many(_SET_MARK, (MARK, f"{recipe} {leaf}"))

    await vault.submit(job)


async def forget_all(vault: Vault) -> None:
    """Take everything back, for another recipe."""

    async def job(batch: Batch) -> None:
        for table in ("trace", "account"):
            await batch.run(f"DELETE FROM {table}")  # noqa: S608 -- our names
        await batch.run("DELETE FROM mark WHERE name = ?", (MARK,))

    await vault.submit(job)


async def erase(batch: Batch, seqs: Sequence[int]) -> None:
    """Take out what these looks showed, and accounts that nothing is left of; part of erasing."""
    named = json.dumps(list(seqs))
    looks = "seq IN (SELECT value FROM json_each(?))"
    sql = f"SELECT DISTINCT account_id FROM trace WHERE {looks}"  # noqa: S608 -- our names
    accounts = json.dumps([row[0] for row in await batch.rows(sql, (named,))])
    await batch.run(f"DELETE FROM trace WHERE {looks}", (named,))  # noqa: S608
    await batch.run(
        "DELETE FROM account WHERE account_id IN (SELECT value FROM json_each(?)) "
        "AND account_id NOT IN (SELECT account_id FROM trace)",
        (accounts,),
    )
    sql = "DELETE FROM answer WHERE evidence_id IN (SELECT evidence_id FROM observation WHERE {})"
    await batch.run(sql.format(looks), (named,))


# --- reading ------------------------------------------------------------------------


async def accounts(database: Database) -> dict[str, Account]:
    """Every account that was kept."""
    rows = await database.rows("SELECT account_id, site, name, url FROM account")
    return {row[0]: Account(account_id=row[0], site=row[1], name=row[2], url=row[3]) for row in rows}


async def shown(database: Database) -> list[Shown]:
    """What each account showed, with the first look that did."""
    sql = "SELECT kind, value, account_id, min(seq) FROM trace GROUP BY kind, value, account_id"
    return [
        Shown(kind=kind, value=value, account_id=account, seq=seq)
        for kind, value, account, seq in await database.rows(sql)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class PostSeen:
    """A post as its looks were judged; tier: the loudest verdict."""

    tier: Tier
    first_at: datetime
    last_at: datetime


async def posts(database: Database) -> dict[str, PostSeen]:
    """Every judged post by its key."""
    ranks = " ".join(f"WHEN '{tier.value}' THEN {tier.rank}" for tier in Tier)
    sql = (
        f"SELECT o.post_key, min(CASE v.tier {ranks} END), min(o.captured_at), max(o.captured_at) "  # noqa: S608 -- our words
        "FROM verdict v JOIN observation o ON o.seq = v.seq GROUP BY o.post_key"
    )
    tiers = list(Tier)
    return {
        key: PostSeen(tier=tiers[rank], first_at=moment(first), last_at=moment(last))
        for key, rank, first, last in await database.rows(sql)
    }


def record(seen: Iterable[PostSeen]) -> Record:
    """The posts of one account together."""
    each = list(seen)
    return Record(
        posts=len(each),
        alerted=sum(post.tier is not Tier.NONE for post in each),
        tier=min((post.tier for post in each), key=lambda tier: tier.rank),
        first_at=min(post.first_at for post in each),
        last_at=max(post.last_at for post in each),
    )


async def same_pictures(database: Database) -> list[tuple[str, str]]:
    """Pairs of pictures that are one: of equal hash, or found so alike when they were judged."""
    sql = (
        "SELECT min(p.sha256) OVER (PARTITION BY p.phash), p.sha256 FROM picture p WHERE p.phash IS NOT NULL "
        "UNION ALL SELECT json_extract(m.value, '$.sha256'), json_extract(m.value, '$.known_sha256') "
        "FROM verdict v, json_each(v.matches) m WHERE v.matches <> '[]' "
        "AND CASE coalesce(json_extract(m.value, '$.by'), 'phash') "
        "WHEN 'phash' THEN json_extract(m.value, '$.distance_bits') <= ?1 "
        "WHEN 'pdq' THEN json_extract(m.value, '$.distance_bits') <= ?2 "
        "ELSE json_extract(m.value, '$.points') >= ?3 "
        "AND json_extract(m.value, '$.differing_percent') <= ?4 END"
    )
    sure = (SAME_PHASH_BITS, LIKELY_PDQ_BITS, SURE_POINTS, SURE_DIFFERING_PERCENT)
    return [(row[0], row[1]) for row in await database.rows(sql, sure) if row[0] != row[1]]


async def quiet_looks(
    database: Database, account_id: str, contacts: Sequence[str], since: datetime, most: int
) -> tuple[str, ...]:
    """Evidence ids of what an account, or whoever showed one of these contacts, posted and nobody minded.

    The last look of each post, captured since then, the latest first. account_id: "" for none.
    """
    # The latest rows of each only: a name of a channel, or a number of a platform, has very many.
    by = [("account_id = ? AND kind = 'post'", account_id)] if account_id else []
    by += [("kind = 'contact' AND value = ?", contact) for contact in contacts]
    seqs: set[int] = set()
    for where, value in by:
        sql = f"SELECT seq FROM trace WHERE {where} ORDER BY id DESC LIMIT ?"  # noqa: S608 -- our words
        seqs |= {row[0] for row in await database.rows(sql, (value, _LATEST))}
    rows = await database.rows(_QUIET, (micros(since), json.dumps(sorted(seqs)), most))
    return tuple(row[0] for row in rows)


async def posts_of(database: Database, account_id: str, most: int) -> int:
    """How many posts an account has shown, counted no further than `most`."""
    posts = "SELECT DISTINCT value FROM trace WHERE account_id = ? AND kind = 'post' LIMIT ?"
    sql = f"SELECT count(*) FROM ({posts})"  # noqa: S608 -- our words
    return int((await database.rows(sql, (account_id, most)))[0][0])


async def looks_with(database: Database, contact: str, most: int) -> int:
    """How many looks have shown a contact, counted no further than `most`."""
    sql = "SELECT count(*) FROM (SELECT 1 FROM trace WHERE kind = 'contact' AND value = ? LIMIT ?)"
    return int((await database.rows(sql, (contact, most)))[0][0])


async def evidence_ids(database: Database, seqs: Iterable[int]) -> dict[int, str]:
    """The evidence ids of looks."""
    sql = "SELECT seq, evidence_id FROM observation WHERE seq IN (SELECT value FROM json_each(?))"
    wanted = json.dumps(sorted(set(seqs)))
    return {row[0]: row[1] for row in await database.rows(sql, (wanted,))}

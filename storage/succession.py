"""How one signing key follows another, in the open.

The log names the successor while the old key still signs, so the old key vouches for the
new one; then the secrets are exchanged, the log says which key is in use, and the new key
signs. After a roll-back that is admitted the old key signs nothing more: two histories
under one key are the thing that must never be.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from storage import anchor, checkpoints, keys, notes, recovery, turning
from storage.clock import Clock
from storage.codec import stamp
from storage.database import Database
from storage.errors import KeyTrouble, NotNote, RolledBack
from storage.store import Store
from storage.threads import in_thread

KIND = "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """What a rotation did. old, new: fingerprints, old "" when there was none. size: of the new checkpoint.

    vouched: the old key signed a checkpoint over the entry that names the new one.
    abandoned: the checkpoint that the log no longer reaches, in words, or "".
    """

    old: str
    new: str
    size: int
    vouched: bool
    abandoned: str


async def rotate(
    folder: Path, clock: Clock, *, why: str, accept_rollback: bool = False, vouch: bool = True
) -> Succession:
    """Make a successor of the daemon key and put it in use; the watch must not be running.

    One that a crash interrupted is finished by the opening, before this begins. vouch: whether
    the old key may sign once more, for the new one. Raises RolledBack when the log was rolled
    back and that is not accepted, KeyTrouble when it was not and a roll-back is to be admitted,
    DatabaseTrouble, DiskTrouble.
    """
    abandoned = ""
    try:
        store = await Store.open(folder, clock)
    except RolledBack as rolled_back:
        if not accept_rollback:
            raise
        abandoned = f"{rolled_back.size} entries, root {rolled_back.root}, signed {rolled_back.at}"
        store = Store(folder, *await recovery.open_for_writing(folder, clock, guarded=False))
    try:
        if accept_rollback and not abandoned and not store.odd:
            raise KeyTrouble("the log goes on from its newest checkpoint: there is no roll-back to accept")
        return await _rotate(store, why, abandoned, vouch=vouch)
    finally:
        await store.close()


async def _rotate(store: Store, why: str, abandoned: str, *, vouch: bool) -> Succession:
    folder, origin = store.folder, store.vault.origin
    before = await in_thread(_in_use, folder)
    coming = await in_thread(turning.make_next, folder, origin)
    facts = {
        "act": "successor",
        "old": before,
        "new": coming.fingerprint,
        "new_ed25519": base64.b64encode(coming.public).decode(),
        "why": why,
    }
    await store.log_event(KIND, facts | ({"abandoned": abandoned} if abandoned else {}))
    vouched = vouch and not abandoned and await _vouched(store)
    await in_thread(turning.put_in_use, folder, origin)
    await store.log_event(KIND, {"act": "in use", "key": coming.fingerprint})
    # Until the new key has signed, the anchor is the one that was given up, and every start refuses.
    point = await checkpoints.sign(store, "rotation", over=bool(abandoned))
    return Succession(
        old=before, new=coming.fingerprint, size=point.size, vouched=vouched, abandoned=abandoned
    )


async def _vouched(store: Store) -> bool:
    """Sign with the old key once more; false when it is lost or damaged."""
    try:
        await checkpoints.sign(store, "rotation")
    except KeyTrouble:
        return False
    return True


def _certified(folder: Path, origin: str) -> KeyState | None:
    """The key in use when its certificate holds, else None."""
    states = (state_of(key, origin) for key in keys.known(folder) if key.number == 0)
    return next((state for state in states if state.certified and not state.trouble), None)


def _in_use(folder: Path) -> str:
    try:
        return next((key.fingerprint for key in keys.known(folder) if key.number == 0), "")
    except KeyTrouble:
        return ""


async def certify(store: Store, admin_file: Path, *, again: bool = False) -> datetime:
    """The admin's certificate for the key in use, written and logged; since when it holds.

    again: in place of one that holds, whose earlier beginning is then lost to readers of later
    packages. Raises KeyTrouble when there is one and that is not meant, or when a key is missing
    or damaged; DiskTrouble.
    """
    at, origin = store.clock.now(), store.vault.origin
    admin = await in_thread(keys.admin_signer, admin_file)
    before = await in_thread(_certified, store.folder, origin)
    if before is not None and not again and admin.fingerprint != before.fingerprint:
        raise KeyTrouble(
            f"key {before.fingerprint} is certified already, by {before.admin} from {before.certified}; "
            "a new certificate begins now and replaces that one: say --again when that is meant"
        )
    await in_thread(keys.certify, store.folder, origin, admin, at)
    key = await in_thread(_in_use, store.folder)
    facts = {"act": "certified", "key": key, "admin": admin.fingerprint, "from": stamp(at)}
    await store.log_event(KIND, facts)
    return at


# --- what there is ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyState:
    """One key of a data folder. number: 0 in use, else of old/<n>. admin: fingerprint of who certified.

    certified: "" and why not in `trouble`, or since when, RFC 3339. secret: what is wrong with the
    secret half of the key in use, or "".
    """

    number: int
    fingerprint: str
    certified: str
    admin: str
    trouble: str
    secret: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """The keys of a data folder and the newest checkpoint; size -1 when there is none."""

    origin: str
    name: str
    keys: tuple[KeyState, ...]
    size: int = -1
    root: str = ""
    signed_at: str = ""
    odd: str = ""


async def ring(store: Store) -> KeyRing:
    """What `nightjar keys show` tells. Raises KeyTrouble when a key file is damaged."""
    origin = store.vault.origin
    known = await in_thread(keys.known, store.folder)
    point = await checkpoints.latest(store.vault.database)
    outside, odd = await in_thread(anchor.read, store.folder)
    if outside is not None and not odd:
        odd = await _behind(store.vault.database, outside)
    secret = await in_thread(_secret, store.folder, origin)
    states = tuple(
        replace(state, secret=secret) if state.number == 0 else state
        for state in (state_of(key, origin) for key in known)
    )
    if point is None:
        return KeyRing(origin=origin, name=notes.log_name(origin), keys=states, odd=odd)
    return KeyRing(
        origin=origin,
        name=notes.log_name(origin),
        keys=states,
        size=point.size,
        root=point.root,
        signed_at=stamp(point.at),
        odd=odd,
    )


def _secret(folder: Path, origin: str) -> str:
    """What keeps the key in use from signing, or "".

    A file that this account may not read is not looked into.
    """
    path = folder / keys.FOLDER / keys.SECRET
    if not path.exists():
        return f"{path} is missing: nothing can be signed; put it back from a backup, or nightjar keys rotate"
    if not os.access(path, os.R_OK):
        return ""
    try:
        keys.Signer.load(folder, origin)
    except KeyTrouble as trouble:
        return str(trouble)
    return ""


async def _behind(database: Database, outside: notes.Checkpoint) -> str:
    rows = await database.rows("SELECT origin, size FROM head WHERE id = 1")
    if rows and (rows[0][0] != outside.origin or rows[0][1] < outside.size):
        return f"the log does not reach its newest checkpoint, of {outside.size} entries: it was rolled back"
    return ""


def state_of(key: keys.PublicKey, origin: str) -> KeyState:
    """A key with its certificate checked."""
    certified, trouble = "", ""
    if key.certificate and key.admin:
        try:
            certified = stamp(keys.check_certificate(key.certificate, key.admin, origin, key.public))
        except NotNote as error:
            trouble = str(error)
    elif key.certificate or key.admin:
        trouble = "of certificate and admin key only one is there"
    return KeyState(
        number=key.number,
        fingerprint=key.fingerprint,
        certified=certified,
        admin=notes.fingerprint(key.admin) if key.admin else "",
        trouble=trouble,
    )

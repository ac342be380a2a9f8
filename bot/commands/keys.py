"""`nightjar keys ...`: the admin's offline key, its certificate for the daemon's, rotation, a look.

`new-admin` belongs on another machine, or on a stick: whoever has that key can vouch for any
daemon key. `rotate` needs the watch stopped, the others do not.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.options import WrongUseError
from bot.commands.out import OK, PROBLEM, Out, plain
from bot.commands.reader import look
from storage.clock import Clock

if TYPE_CHECKING:
    from storage.store import Store
    from storage.succession import KeyRing


def new_admin(out: Out, folder: Path | None, path: Path | None) -> int:
    """Make an admin key in a file outside the data folder; never over a file."""
    from storage import keys
    from storage.signatures import fingerprint

    if path is None:
        raise WrongUseError("keys new-admin needs --out FILE")
    path = path.absolute()
    if folder is not None and path.is_relative_to(folder.absolute()):
        raise WrongUseError("an admin key does not belong into the data folder: keep it offline")
    made = fingerprint(keys.new_admin(path))
    out.facts({"file": str(path), "public": f"{path}.pub.pem", "fingerprint": made})
    out.say(f"admin key made: {path} (secret, keep it offline), {path}.pub.pem (give it to everybody)")
    out.say(f"fingerprint {made}", style="bold")
    return OK


def certify(out: Out, folder: Path, clock: Clock, admin: Path | None, *, again: bool = False) -> int:
    """Write the admin's certificate for the daemon key that is in use.

    again: in place of one that holds already. Raises KeyTrouble when there is one and it is not said.
    """
    from storage import succession
    from storage.codec import stamp

    if admin is None:
        raise WrongUseError("keys certify needs --admin FILE, the admin's secret key")

    async def certifying(store: Store) -> KeyRing:
        await succession.certify(store, admin, again=again)
        return await succession.ring(store)

    ring = look(folder, clock, certifying)
    key = ring.keys[0]
    out.facts({"fingerprint": key.fingerprint, "admin": key.admin, "from": key.certified})
    out.say(f"key {key.fingerprint} is certified by {key.admin} from {stamp(clock.now())[:19]}Z on")
    return OK


def rotate(out: Out, folder: Path, clock: Clock, *, why: str, accepted: str) -> int:
    """Put a new daemon key in use. accepted: why a roll-back of the log is admitted, or ""."""
    from storage.errors import DatabaseTrouble
    from storage.succession import rotate as turn

    if not folder.is_dir():
        raise DatabaseTrouble(f"there is no data folder {folder}: has the watch run yet?")
    reason = accepted or why
    if not reason.strip():
        raise WrongUseError("keys rotate needs --why TEXT: the log says why a key was exchanged")
    done = asyncio.run(turn(folder, clock, why=reason, accept_rollback=bool(accepted)))
    out.facts(plain(done))
    out.say(f"key {done.new} is in use, checkpoint of {done.size} entries signed", style="bold")
    if done.old:
        out.say(
            f"key {done.old} is put aside; "
            + ("it vouched for" if done.vouched else "it did NOT vouch for")
            + " its successor"
        )
    if done.abandoned:
        out.say(f"the log now admits that it no longer reaches {done.abandoned}", style="bold red")
    out.say("the new key is uncertified: nightjar keys certify --admin FILE", style="yellow")
    return OK


def show(out: Out, folder: Path, clock: Clock) -> int:
    """Print the keys and the newest checkpoint; exit code 1 when something about them does not hold."""
    from storage import succession

    ring = look(folder, clock, succession.ring)
    out.facts(plain(ring))
    out.say(f"log {ring.name}", style="bold")
    rows = (
        (
            "in use" if key.number == 0 else f"old {key.number}",
            key.fingerprint,
            key.trouble or (f"from {key.certified[:19]}Z" if key.certified else "uncertified"),
            key.admin or "-",
        )
        for key in ring.keys
    )
    out.table(("key", "fingerprint (SHA-256)", "certified", "by the admin key"), rows)
    if ring.size >= 0:
        out.say(f"newest checkpoint: {ring.size} entries, root {ring.root}, signed {ring.signed_at}")
    else:
        out.say("nothing was signed yet", style="yellow")
    for wrong in (ring.odd, *(key.secret for key in ring.keys)):
        if wrong:
            out.say(wrong, style="bold red")
    whole = not ring.odd and not any(key.trouble or key.secret for key in ring.keys)
    return OK if whole else PROBLEM

"""The error tree: every error says who can act.

    NightjarError
    ├── ConfigError            the admin: a file, table or key is wrong
    ├── WatchError             the outside world
    │   └── FeedTrouble        the site answered badly or not at all: retry later
    │       ├── HostDown       no usable connection or no answer in time
    │       ├── AskedToWait    429 or 503: the site named or implied a pause
    │       ├── Blocked        challenge, captcha or log-in page: never a storm
    │       ├── Refused        our own guard said no (address, scheme, port, redirect)
    │       ├── RobotsForbid   robots.txt says no
    │       ├── TooBig         a bound on bytes, headers, hops or pixels was hit
    │       └── BadPage        the body is not what its kind promises
    ├── StoreError             this machine
    │   ├── DiskTrouble        full, read-only, i/o error: stop and tell
    │   ├── DamagedBlob        stored bytes no longer match their name
    │   ├── DatabaseTrouble    schema or rows are not what they must be
    │   │   ├── InUse          another process writes here
    │   │   ├── Busy           another program holds the database for long (DiskTrouble too)
    │   │   ├── Malformed      ... and SQLite cannot tell damage from a disk that fails (DiskTrouble too)
    │   │   └── RolledBack     the log is older or other than a checkpoint that was signed
    │   ├── KeyTrouble         a signing key is missing, unreadable or not the expected one
    │   ├── NotNote            a signed text is malformed, altered or by another key
    │   └── NoCosignature      a cosigner refuses a log that does not go on from what it signed
    ├── CaseRefused            an officer: what was ordered about a case cannot be done
    └── DeliveryError          the chat
        ├── NotSent            surely not delivered: retry after a pause
        │   ├── Flooded        the server asked to wait
        │   ├── ChatMoved      the chat has another id from now on
        │   └── ShutOut        the bot is not let into the chat: people must act
        ├── Unsendable         refused for good: another form or another channel
        └── Uncertain          the answer was lost: it may have been delivered

Attributes carry the facts; messages are for people and never hold secrets.
"""

from __future__ import annotations

from storage.model import Response


class NightjarError(Exception):
    """Root of every error this project raises on purpose."""


class Worded(Exception):
    """A refusal in words that can be translated: `form` with `{placeholders}`, and facts to fill them.

    Whoever tells it looks the form up in the catalogue of his reader's language (`bot.desk.names.why`).
    """

    def __init__(self, form: str, **facts: object) -> None:
        super().__init__(form.format(**facts) if facts else form)
        self.form, self.facts = form, facts


class ConfigError(NightjarError):
    """A mistake in the configuration. Attributes: file, table, key, why."""

    def __init__(self, why: str, *, file: str = "", table: str = "", key: str = "") -> None:
        where = ": ".join(part for part in (file, table, key) if part)
        super().__init__(f"{where}: {why}" if where else why)
        self.file, self.table, self.key, self.why = file, table, key, why


class WatchError(NightjarError):
    """Something on the way to or from a watched site."""


class FeedTrouble(WatchError):
    """The site answered badly or not at all; try again later.

    Attributes: url; why; retry_after_s (seconds to wait, or None for our own back-off).
    """

    def __init__(self, url: str, why: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(f"{url}: {why}")
        self.url, self.why, self.retry_after_s = url, why, retry_after_s


class HostDown(FeedTrouble):
    """No connection, a broken one, or no answer within the bounds."""


class AskedToWait(FeedTrouble):
    """429 or 503; retry_after_s holds Retry-After (either form) when given."""


class Blocked(FeedTrouble):
    """A challenge, captcha or log-in page stands in front.

    Attributes: wall ("captcha", "login", "challenge", "forbidden"); response: the wall
    itself as it was received (a `Response`), or None.
    """

    def __init__(
        self,
        url: str,
        why: str,
        *,
        wall: str = "challenge",
        retry_after_s: float | None = None,
        response: Response | None = None,
    ) -> None:
        super().__init__(url, why, retry_after_s=retry_after_s)
        self.wall, self.response = wall, response


class Refused(FeedTrouble):
    """Our guard refused an address, scheme, port or redirect."""


class RobotsForbid(FeedTrouble):
    """robots.txt of the host forbids this address to our agent."""


class TooBig(FeedTrouble):
    """A bound was hit: bytes, decompressed bytes, headers, hops, pixels."""


class BadPage(FeedTrouble):
    """The one error a parser may raise: the body is not a page of its kind. Attribute: field."""

    def __init__(self, url: str, why: str, *, field: str = "") -> None:
        super().__init__(url, f"{field}: {why}" if field else why)
        self.field = field


class StoreError(NightjarError):
    """This machine could not keep or give back what it must."""


class DiskTrouble(StoreError):
    """The file system is full, read-only or failing."""


class DamagedBlob(StoreError):
    """Stored bytes are missing or no longer hash to their name. Attributes: sha256, why (without it)."""

    def __init__(self, sha256: str, why: str) -> None:
        super().__init__(f"blob {sha256}: {why}")
        self.sha256, self.why = sha256, why


class DatabaseTrouble(StoreError):
    """The database is locked, damaged or of another version."""


class Malformed(DiskTrouble, DatabaseTrouble):
    """SQLite read what is no page of a database: it is damaged, or the disk fails (it does not say which).

    Both, so that a running watch goes on as with any disk that fails, and who opens or
    restores a database is told that it is not whole.
    """


class Busy(DiskTrouble, DatabaseTrouble):
    """Somebody else (a shell of `sqlite3`, a copy program) holds the database longer than we wait.

    Both, so that a running watch goes on as with any disk that refuses, and who opens is told.
    """


class InUse(DatabaseTrouble):
    """Another process has the right to write this data folder."""


class RolledBack(DatabaseTrouble):
    """The log is older than, or not the one of, a checkpoint that was signed. Attributes: size, root, at."""

    def __init__(self, why: str, *, size: int, root: str, at: str) -> None:
        super().__init__(why)
        self.size, self.root, self.at = size, root, at


class KeyTrouble(StoreError):
    """A signing key is missing, unreadable or not the one that is expected."""


class NotNote(StoreError):
    """A note, checkpoint, proof or certificate is not of its form or not by the expected key."""


class CaseRefused(NightjarError):
    """What was ordered about a case cannot be done: no such case, closed, a text is missing."""


class NoCosignature(StoreError):
    """A cosigner refuses: the log went back, forked, or does not show that it goes on."""


class DeliveryError(NightjarError):
    """A channel could not say "delivered". Attribute: retry_after_s."""

    def __init__(self, why: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s


class NotSent(DeliveryError):
    """Surely not delivered: wait and send again."""


class Flooded(NotSent):
    """Too many messages: retry_after_s holds what the server asked for."""


class ChatMoved(NotSent):
    """The chat has another id for ever. Attribute: chat."""

    def __init__(self, chat: str) -> None:
        super().__init__(f"the chat has moved to {chat}", retry_after_s=0.0)
        self.chat = chat


class ShutOut(NotSent):
    """The bot was removed, blocked or is not known: nothing arrives until somebody lets it in."""


class Unsendable(DeliveryError):
    """Refused for good in this form: change the form or the channel."""


class Uncertain(DeliveryError):
    """The answer was lost after the request left: it may have been delivered."""

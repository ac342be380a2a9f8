"""The configuration: config.toml and targets.d/*.toml become frozen words, or every mistake is told.

    files -> Document -> Reading (strict) -> Target, ChannelTable, HostLimit -> Config

Parsed once at the edge; afterwards only what stands here travels. Knows no feed kind:
the kinds' `Settings` are handed in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from bot.desk.rota import Rota
from bot.mistakes import ConfigErrors, Mistake
from bot.settings import gather, together
from bot.settings.authorities import TimeAuthority, read_authorities
from bot.settings.channels import ChannelTable, FoundChannel, read_channels
from bot.settings.custody import Officer, read_officers, read_retention
from bot.settings.documents import Document
from bot.settings.hint import read_hint
from bot.settings.keys import NightjarKeys
from bot.settings.observed import with_observed
from bot.settings.people import ChatTable, DeskTable, read_chats, read_desk, read_rota
from bot.settings.shapes import read_table, salvage
from bot.settings.sift import Sift
from bot.settings.targets import FoundTarget, Kinds, read_hosts, read_targets
from storage.classifier import Classifier
from storage.errors import ConfigError
from storage.model import HostLimit, Target
from storage.retention import KEPT_FOR_EVER, Rules

__all__ = [
    "ChannelTable",
    "Config",
    "ConfigErrors",
    "Mistake",
    "Unfilled",
    "locate",
    "past_review",
    "read",
]

VARIABLE = "NIGHTJAR_CONFIG"
_NOBODY = {"contact": "nobody@example.org"}
"""Stands in for a contact with mistakes while other keys are looked at."""
PLACES = (Path("config.toml"), Path("/etc/nightjar/config.toml"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfilled:
    """A target that is not watched, since nobody has said by whose right. keys: those that are open."""

    name: str
    keys: tuple[str, ...]

    @property
    def why(self) -> str:
        """The reason in words."""
        return f"{', '.join(self.keys)} {'is' if len(self.keys) == 1 else 'are'} not filled in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything an admin has decided. Paths are absolute.

    files: what was read. targets: of all files, those past review too; `expired` names
    them. unfilled: those whose authority is open, which are not among the targets; `mistakes`
    says it key by key, and holds nothing else. lexicons: beside the shipped one, that of
    accepted words last. metrics: (host, port) or None. hosts: limits by host name. authorities:
    who is asked for time stamps. witnesses: verifier keys of cosigners. digest: SHA-256 over all
    files. stanzas: the table of each of the targets as canonical JSON, whose SHA-256 is
    `Target.digest`. retention: what is erased when. officers: who sees what. desk: the bot that
    listens, None when it only tells; chats: where it speaks; rota: who is on call. hint: the classifier
    that is asked about pictures.
    """

    path: Path
    data_dir: Path
    contact: str
    files: tuple[Path, ...] = ()
    allow: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    channels: tuple[ChannelTable, ...] = ()
    admin_channels: tuple[str, ...] = ()
    checkpoint_channels: tuple[str, ...] = ()
    authorities: tuple[TimeAuthority, ...] = ()
    witnesses: tuple[str, ...] = ()
    lexicons: tuple[Path, ...] = ()
    gallery: Path | None = None
    metrics: tuple[str, int] | None = None
    picture_workers: int = 2
    read_pictures: bool = True
    hint: Classifier | None = None
    log_level: str = "info"
    hosts: tuple[tuple[str, HostLimit], ...] = ()
    expired: tuple[str, ...] = ()
    unfilled: tuple[Unfilled, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    digest: str = ""
    stanzas: tuple[str, ...] = ()
    retention: Rules = KEPT_FOR_EVER
    officers: tuple[Officer, ...] = ()
    desk: DeskTable | None = None
    chats: tuple[ChatTable, ...] = ()
    rota: Rota | None = None


def past_review(target: Target, today: date) -> bool:
    """True when a target must stop: its review date has gone by."""
    return today > target.authority.review_after


def read(
    path: Path,
    *,
    feeds: Callable[[str], type],
    feed_kinds: tuple[str, ...],
    today: date,
    environment: Mapping[str, str],
) -> Config:
    """The configuration at `path` and in targets.d beside it.

    feeds: kind -> its `Settings`. today: decides what is past review. environment: for
    secrets, whose presence and mode are checked here. Raises ConfigErrors with ALL
    mistakes of ALL files; targets whose authority is open are left out, and that alone is no error.
    """
    sift = Sift()
    path = path.absolute()
    documents = gather.documents(path, sift)
    main = documents[0]
    hosts = read_hosts(documents, sift)
    targets = read_targets(documents, sift, Kinds(feeds, feed_kinds), hosts)
    channels = read_channels(main, sift, environment, path.parent)
    authorities = read_authorities(main, sift, path.parent, today)
    retention, officers = read_retention(main, sift), read_officers(main, sift)
    desk = read_desk(main, sift, channels, environment, path.parent)
    hint = read_hint(main, sift, path.parent)
    chats, rota = read_chats(main, sift), read_rota(main, sift, officers, today)
    nightjar, salvaged = _nightjar(main, sift)
    expired = frozenset(t.name for t in _sound(targets) if past_review(t, today))
    together.check_targets(sift, targets, expired=expired, allows=salvaged is None or bool(salvaged.allow))
    together.check_channels(sift, main, channels)
    if not any(document.broken or document.unread for document in documents):
        together.check_filters(sift, main, channels, targets)
    if salvaged is not None:
        together.check_nightjar(sift, main, salvaged, channels)
    if sift.stops or nightjar is None:
        raise ConfigErrors(sift.mistakes)
    composed = _composed(documents, nightjar, hosts, targets, channels=channels, expired=expired)
    return replace(
        composed,
        authorities=authorities,
        hint=hint,
        retention=retention,
        officers=officers,
        desk=desk,
        chats=chats,
        rota=rota,
        unfilled=tuple(Unfilled(name=one.name, keys=one.unfilled) for one in targets if one.unfilled),
        mistakes=sift.mistakes,
    )


def _sound(found: tuple[FoundTarget, ...]) -> tuple[Target, ...]:
    return tuple(one.target for one in found if one.target is not None)


def _nightjar(main: Document, sift: Sift) -> tuple[NightjarKeys | None, NightjarKeys | None]:
    """The table when it is right, and what can be had of it for further checks."""
    if main.unread:
        return None, None
    table = gather.single(main, "nightjar", sift)
    reading = read_table(table, NightjarKeys)
    sift.add_all(main, ("nightjar",), reading.faults)
    if isinstance(reading.value, NightjarKeys):
        return reading.value, reading.value
    return None, salvage(table, NightjarKeys, _NOBODY)


def _composed(
    documents: tuple[Document, ...],
    keys: NightjarKeys,
    hosts: Mapping[str, HostLimit],
    targets: tuple[FoundTarget, ...],
    *,
    channels: tuple[FoundChannel, ...],
    expired: frozenset[str],
) -> Config:
    folder = documents[0].path.parent
    tables = tuple(one.table for one in channels if one.table is not None)
    host, _, port = keys.metrics.rpartition(":")
    data_dir = folder / Path(keys.data_dir).expanduser()
    lexicons = tuple(folder / Path(name).expanduser() for name in keys.lexicons)
    return Config(
        path=documents[0].path,
        files=tuple(document.path for document in documents),
        data_dir=data_dir,
        contact=keys.contact,
        allow=keys.allow,
        targets=_sound(targets),
        channels=tables,
        checkpoint_channels=keys.checkpoint_channels,
        admin_channels=keys.admin_channels or tuple(table.name for table in tables),
        lexicons=with_observed(lexicons, data_dir),
        gallery=folder / Path(keys.gallery).expanduser() if keys.gallery else None,
        metrics=(host.strip("[]"), int(port)) if keys.metrics else None,
        picture_workers=keys.picture_workers,
        read_pictures=keys.read_pictures,
        witnesses=keys.witnesses,
        log_level=keys.log_level,
        hosts=tuple(sorted(hosts.items())),
        expired=tuple(t.name for t in _sound(targets) if t.name in expired),
        digest=_digest(documents),
        stanzas=tuple(one.stanza for one in targets if one.target is not None),
    )


def _digest(documents: tuple[Document, ...]) -> str:
    lines = "".join(f"{document.sha256}  {document.label}\n" for document in documents)
    return hashlib.sha256(lines.encode()).hexdigest()


def locate(named: Path | None, environment: Mapping[str, str]) -> Path:
    """The configuration to use: the one named, else $NIGHTJAR_CONFIG, ./config.toml, /etc/nightjar.

    Raises ConfigError saying where was looked.
    """
    chosen = named or (Path(environment[VARIABLE]) if environment.get(VARIABLE) else None)
    if chosen is not None:
        if chosen.is_file():
            return chosen.absolute()
        raise ConfigError("there is no such file", file=str(chosen))
    found = next((place for place in PLACES if place.is_file()), None)
    if found is None:
        places = ", ".join(map(str, PLACES))
        begin = "copy config.example.toml to config.toml and change it, or name yours with --config FILE"
        raise ConfigError(f"no configuration: ${VARIABLE} is not set, and none of {places} is there; {begin}")
    return found.absolute()

"""The composition root: opens everything in order, runs it, closes it in reverse.

Straight on purpose: what starts after what can be read from top to bottom. The watch
(roster, vigil) runs inside the rest (judging, dispatching), so that a stop first seals
what was begun, then judges and tells what it can in the seconds it has.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from bot import garbage, logs
from bot.beside import may_show
from bot.channel import Setting
from bot.channel import load as load_channel
from bot.chores import Chores
from bot.clock_words import clock_line, is_doubtful
from bot.config import Config, past_review
from bot.desk import rota as rotas
from bot.desk.addition import add_target
from bot.desk.desk import Place
from bot.desk.front import Front
from bot.desk.front import Line as DeskLine
from bot.desk.hands import Hands as DeskHands
from bot.desk.hands import NewTarget, site_refused
from bot.desk.lines import channel_in, channel_of, digest_chat, direct_channels, manner_of, people_of
from bot.direct import direct, with_direct
from bot.dispatch import Dispatcher, Line
from bot.groups import ending_group
from bot.house import House
from bot.lanes.budget import Purses
from bot.manners import MannerKeeper
from bot.morning import Morning
from bot.nightly import Nightly
from bot.notify import Systemd, keep_alive
from bot.overdue import Overdue, in_words
from bot.reload import Reload
from bot.rescue import Hands, Losses, Rescue
from bot.secrets import reader
from bot.settings.targets import host_of
from bot.timing import Timing
from bot.unwritten import UnwrittenAlerts
from bot.vitals import Vitals
from bot.witnessing import Witnessing
from storage import moves
from storage.callback_key import callback_key
from storage.checkpoints import Checkpoints
from storage.clock import Clock, clock_from, scaled_loop
from storage.collection import Collection, software_facts
from storage.errors import (
    ConfigError,
    DamagedBlob,
    DatabaseTrouble,
    DiskTrouble,
    FeedTrouble,
    NightjarError,
)
from storage.model import (
    Alert,
    AlertId,
    AlertKind,
    Evidence,
    HostLimit,
    NightWindow,
    Picture,
    PictureMatch,
    Progress,
    Sha256,
    Target,
    Tier,
    new_id,
    sha256_of,
)
from storage.patience import DiskWatch, Reserve
from storage.store import Store
from watchers import feed, hours, tips
from watchers.fetch import Fetcher
from watchers.hinting import Hinting
from watchers.judging import Bench, Policy
from watchers.kit import Kit
from watchers.knowledge import MODEL_FILE, learn
from watchers.learned import FILE as LEARNED
from watchers.linking import Linker
from watchers.pacing import Pacing
from watchers.picture_reading import Reading
from watchers.pictures import PictureWorkers
from watchers.readers import Readers
from watchers.roster import Roster
from watchers.sheets import sheet_of
from watchers.trial import recognise
from watchers.unkept import Unkept, Unwritten
from watchers.vigil import Vigil

log = structlog.get_logger(__name__)

REVIEW_S = 300.0
"""How often it is checked that no target has passed its review."""
STOP_JUDGING_S = 1.0
STOP_TELLING_S = 1.0
"""Real seconds, whatever the clock's speed: whoever stops the process waits in them."""
MOST_FILES = 65_536
SWITCH_S = 0.000_5
"""A thread that computes gives way to the loop so soon. With Python's own 5 ms each turn of the loop
waits as long, and a minute's learning makes a thousand polls a second late."""


class Daemon:
    """One night watch over one data folder. `run` returns when told to stop."""

    def __init__(self, config: Config, clock: Clock, reload: Reload, *, sparing: bool = False) -> None:
        """sparing: the process is the daemon's own, and its memory is to stay small."""
        self.config, self.clock, self._reload, self._sparing = config, clock, reload, sparing
        self.stopping = asyncio.Event()
        self.disk = DiskWatch(clock)
        self.unwritten = UnwrittenAlerts()
        self.purses = Purses()
        self._channels_changed, self._desk_changed = asyncio.Event(), asyncio.Event()
        self._front: Front | None = None
        self._left_out: set[str] = set()
        self._moves: dict[int, int] = {}
        self._dispatcher: Dispatcher | None = None
        self._judges: asyncio.Task[None]

    async def run(self) -> None:
        """Watch until `stopping` is set; then seal what was begun and close. Raises NightjarError."""
        async with AsyncExitStack() as stack:
            await self._open(stack)
            async with ending_group() as behind:
                behind.create_task(self._dispatching())
                behind.create_task(self._serving())
                self._judges = behind.create_task(self._judging())
                behind.create_task(self.reading.run())
                behind.create_task(self.checkpoints.run())
                behind.create_task(self.morning.run())
                behind.create_task(self.house.survey())
                behind.create_task(self.house.write_for_ever())
                behind.create_task(self.house.keep())
                behind.create_task(self.overdue.run(self.tell_admin))
                behind.create_task(self.rescue.run())
                behind.create_task(self.manners.run())
                behind.create_task(self.nightly.run(self._night_anywhere))
                behind.create_task(self.chores.run())
                behind.create_task(self._retire_expired())
                behind.create_task(self._follow_config())
                behind.create_task(self.timing.run())
                behind.create_task(self.witnessing.run())
                behind.create_task(self.pacing.run())
                behind.create_task(self.linker.run())
                behind.create_task(keep_alive(self.systemd, self.clock, lambda: True))
                async with ending_group() as watch:
                    live, expired = self._in_force()
                    await self._say_left_out(expired)
                    watch.create_task(self.roster.run(live))
                    watch.create_task(self.vigil.run())
                    await self._planned_or_stopped()
                    garbage.spare_what_is_there()
                    self._say_clock()
                    self.systemd.ready(f"watching {len(live)} targets")
                    log.info(
                        "watching",
                        targets=len(live),
                        expired=len(expired),
                        unfilled=len(self.config.unfilled),
                        data=str(self.store.folder),
                    )
                    await self.stopping.wait()
                    self.systemd.stopping()
                    log.info("stopping: sealing what was begun")
                await self._finish()
        log.info("stopped")

    async def _planned_or_stopped(self) -> None:
        """Wait until the first poll of every target is planned, or the daemon is told to stop."""
        waits = [asyncio.ensure_future(one.wait()) for one in (self.roster.planned, self.stopping)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    async def _open(self, stack: AsyncExitStack) -> None:
        config, clock = self.config, self.clock
        self.systemd = Systemd(os.environ)
        self.store = await self._open_store()
        stack.push_async_callback(self.store.close)
        self._buttons_key = await asyncio.to_thread(callback_key, self.store.folder)
        self._moves = await moves.known(self.store.vault.database)
        garbage.sweep()
        await asyncio.to_thread(software_facts)  # a tenth of a second that the first capture would take
        host, port = config.metrics or ("", 0)
        self.vitals = Vitals(host, port, self.troubles)
        self.fetcher = Fetcher(clock, contact=config.contact, allow=config.allow, hosts=dict(config.hosts))
        stack.push_async_callback(self.fetcher.close)
        large = asyncio.Lock()  # what needs much memory is read one at a time, pages and pictures alike
        self.readers = Readers(clock, large=large)
        stack.push_async_callback(self.readers.close)
        self.workers = PictureWorkers(config.picture_workers, clock, large=large)
        stack.push_async_callback(self.workers.close)
        self.house = House(self.store, clock, self.vitals, self.disk)
        await self.house.load()
        self.manners = MannerKeeper(self.store, clock, self.disk, self.fetcher.manners)
        await self.manners.load()
        self.checkpoints = Checkpoints(self.store, self.tell_admin)
        self.morning = Morning(
            self.store,
            clock,
            channels=lambda: self.config.checkpoint_channels,
            night=self._night_anywhere,
            change=self._next_change,
            spoke=self._spoke,
        )
        self.chores = Chores(
            self.store,
            clock,
            rules=lambda: self.config.retention,
            night=self._night_anywhere,
            tell=self.tell_admin,
            spoke=self._spoke,
        )
        self.vitals.follow(self.fetcher.hosts, self.store.blobs)
        self.vitals.watch_gaps(lambda: sum(row.gaps for row in self.house.rows.values()))
        if config.metrics is not None:
            await self.vitals.start()
            stack.push_async_callback(self.vitals.stop)
        self._wire()
        await self._log_config()

    async def _open_store(self) -> Store:
        """The store; when the disk is full its reserve is freed first."""
        folder = self.config.data_dir
        try:
            return await Store.open(folder, self.clock, sparing=self._sparing)
        except DiskTrouble as refused:
            if isinstance(refused, DatabaseTrouble) or not await asyncio.to_thread(Reserve(folder).free):
                raise
        log.error("the disk is full: its reserve was freed to start at all")
        return await Store.open(folder, self.clock, sparing=self._sparing)

    def _wire(self) -> None:
        self.reading = Reading(
            self.store,
            self.clock,
            self.vitals,
            policy=lambda: self.bench.policy,
            spoke=self._spoke,
            disk=self.disk,
            hinting=Hinting(self.store, self.config.hint, tell=self._say_unhinted),
            again=lambda evidence: self.bench.judge_again(evidence),  # noqa: PLW0108 - the bench is made below
            off=None if self.config.read_pictures else "the configuration says so",
        )
        self.bench = Bench(
            self.store,
            self.workers,
            self.clock,
            self.vitals,
            self._policy(),
            spoke=self._spoke,
            disk=self.disk,
            tell=self._tell_unwritten,
            read=self.reading.offer,
        )
        busy: set[tuple[str, str]] = set()
        self.unkept = Unkept(
            self.store, self.disk, busy, judge=self.bench.judge_unkept, submit=self.bench.submit
        )
        self.pacing = Pacing(
            self.clock,
            self.fetcher,
            file=self.config.data_dir / LEARNED,
            hosts=dict(self.config.hosts),
        )
        self.kit = Kit(
            store=self.store,
            fetches=self.fetcher,
            readers=self.readers,
            clock=self.clock,
            meter=self.vitals,
            submit=self.bench.submit,
            spoke=self._spoke,
            tell_admin=self.tell_admin,
            noted=self.house.note,
            disk=self.disk,
            unkept=self.unkept,
            pacing=self.pacing,
            busy=busy,
            gate=self.fetcher.gate,
            hosts=dict(self.config.hosts),
        )
        self.overdue = Overdue(
            self.clock, self.vitals, live=self._live, rows=lambda: self.house.rows, is_night=hours.is_night
        )
        self.roster = Roster(self.kit, self.house.rows)
        self.vigil = Vigil(self.kit, lambda: self.roster.watches)
        self.witnessing = Witnessing(
            self.store, self.clock, lambda: self.config.witnesses, tell_admin=self.tell_admin
        )
        self.timing = Timing(
            self.store,
            self.clock,
            lambda: self.config.authorities,
            vitals=self.vitals,
            tell_admin=self.tell_admin,
        )
        self.rescue = Rescue(
            self.store,
            self.disk,
            self.clock,
            Hands(keep=self.unkept.keep_all, losses=self._losses, tell=self.tell_admin),
            self.vitals,
            spare_bytes=self.house.least_free_bytes,
        )
        self.linker = Linker(self.store, self.clock)
        self.nightly = Nightly(self.store.folder, self.clock, self.vitals, self.tell_admin)

    # --- what the configuration decides ---------------------------------------------------

    def _policy(self) -> Policy:
        """The lexicon and model to judge by; what was wrong with them is told by `_log_config`."""
        before = self.bench.policy.model if hasattr(self, "bench") else None
        known = learn(self.config.lexicons, self.config.data_dir / MODEL_FILE, before)
        self._remarks = known.remarks
        return Policy(
            lexicon=known.lexicon,
            model=known.model,
            targets={t.name: t for t in self.config.targets},
            route=self._route,
        )

    def _route(self, tier: Tier, jurisdiction: str, tags: tuple[str, ...]) -> tuple[str, ...]:
        """Names of the channels that an alert goes to; an urgent one wakes whoever is on call as well."""
        tables = with_direct(self.config.channels)
        named = [c.name for c in tables if c.wants(tier, jurisdiction=jurisdiction, tags=tags)]
        if tier is Tier.URGENT and self._front is not None:
            officer = people_of(self.config).named(self._front.escalation.on_call)
            named += [direct(officer.telegram)] if officer is not None and officer.telegram else []
        return tuple(dict.fromkeys(named))

    async def _log_config(self) -> None:
        """Put the stanzas in force into the log: evidence names its own by SHA-256."""
        facts = {
            "digest": self.config.digest,
            "stanzas": "\n".join(self.config.stanzas),
            "lexicon": self.bench.policy.lexicon.version,
            "authorities": "\n".join(one.fact() for one in self.config.authorities),
        }
        self.store.vault.collection = Collection(
            operator=self.config.contact, config_sha256=self.config.digest
        )
        await self.store.log_event("config", facts)
        self.config = replace(self.config, stanzas=())  # they stand in the log from now on
        await self._log_lexicon()

    async def _log_lexicon(self) -> None:
        """Put the terms in force into the log, when they are others than it last said."""
        for remark in self._remarks:
            await self.tell_admin(remark)
        model = self.bench.policy.model
        if model is not None:
            log.info("learned model", version=model.version, counts=model.counts, f1=model.f1)
        version = self.bench.policy.lexicon.version
        sql = "SELECT entry FROM leaf WHERE kind = 'lexicon' ORDER BY \"index\" DESC LIMIT 1"
        rows = await self.store.vault.database.rows(sql)
        before = json.loads(rows[0][0])["facts"]["version"] if rows else ""
        if version != before:
            files = "\n".join(path.name for path in self.config.lexicons)
            await self.store.log_event("lexicon", {"version": version, "before": before, "files": files})

    def _in_force(self) -> tuple[tuple[Target, ...], tuple[Target, ...]]:
        """(targets that may be watched today, those whose authority is past its review)."""
        today = self.clock.now().date()
        live, expired = list[Target](), list[Target]()
        for target in self.config.targets:
            (expired if past_review(target, today) else live).append(target)
        return tuple(live), tuple(expired)

    def _say_clock(self) -> None:
        """Once, when the machine's clock is kept right by nobody: every stamp depends on it."""
        facts = self.store.vault.timekeeping.facts()
        if is_doubtful(facts):
            log.warning(clock_line(facts))

    async def _say_left_out(self, expired: tuple[Target, ...]) -> None:
        """Tell of each target that is not watched: past its review, or nobody has said by whose right.

        The log and `status` each time, the admin once for each reason.
        """
        renew = "review was due after {}: renew it to go on"
        found = [(t.name, "expired", renew.format(t.authority.review_after)) for t in expired]
        found += [(one.name, "unfilled", one.why) for one in self.config.unfilled]
        for name, health, why in found:
            row = self.house.rows.get(name) or Progress(target=name)
            self.house.note(replace(row, health=health, reason=why))
            log.warning("target not watched", target=name, why=why)
        now = {f"target {name} is not watched: {why}" for name, _, why in found}
        new, self._left_out = now - self._left_out, now
        if new:
            await self.tell_admin("\n".join(sorted(new)))

    async def _follow_config(self) -> None:
        """Apply every good edit; a bad one keeps what runs and is told to the admin."""
        async for change in self._reload.changes():
            if change.config is None:
                self.vitals.reloads_total.labels("refused").inc()
                await self.tell_admin(f"configuration not taken over, the old one runs on: {change.words}")
                continue
            await self._take_over(change.config)
            if change.difference is not None and change.difference.at_start_only:
                keys = ", ".join(change.difference.at_start_only)
                await self.tell_admin(f"configuration taken over, but {keys} only at the next start")
            for old, name in change.difference.renamed if change.difference is not None else ():
                await self.tell_admin(
                    f"target {old} is called {name} now: it begins anew, vigils of the old name ended"
                )

    async def _take_over(self, config: Config) -> None:
        self.systemd.reloading(self.clock.monotonic())
        old, self.config = self.config, config
        try:
            policy = self._policy()
        except NightjarError as error:
            self.config = old
            await self.tell_admin(f"configuration not taken over, the old one runs on: {error}")
            return
        await asyncio.to_thread(policy.prepare)
        self.bench.policy = policy
        live, expired = self._in_force()
        await self.roster.set_targets(live)
        await self._say_left_out(expired)
        spoken_to = ("channels", "officers", "chats", "desk", "rota")
        if any(getattr(config, name) != getattr(old, name) for name in spoken_to):
            self._channels_changed.set()
        if (config.channels, config.desk) != (old.channels, old.desk):
            self._desk_changed.set()
        if config.authorities != old.authorities:
            self.timing.changed()
        await self._log_config()
        self.vitals.reloads_total.labels("taken").inc()
        self.systemd.ready(f"watching {len(live)} targets")
        unfilled = len(config.unfilled)
        log.info("configuration taken over", targets=len(live), expired=len(expired), unfilled=unfilled)

    # --- judging and telling -----------------------------------------------------------------

    async def _judging(self) -> None:
        await self.workers.start()
        known = await self.bench.fill_index()
        gallery = await self.bench.fill_gallery(self.config.gallery)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.bench.run())
            late = await self.bench.catch_up()
            if known or gallery or late:
                log.info("judging", known_pictures=known, gallery=gallery, caught_up=late)

    async def _dispatching(self) -> None:
        """Run the lanes; open them anew when the channels of the configuration changed."""
        while True:
            self._channels_changed.clear()
            async with self._lines() as lines:
                self._dispatcher = Dispatcher(
                    self.store,
                    lines,
                    self.clock,
                    sheet=self._sheet,
                    tally=self.vitals,
                    disk=self.disk,
                    unwritten=self.unwritten,
                    admin=self.config.admin_channels,
                    purses=self.purses,
                    key=self._buttons_key,
                    moved=self._note_move,
                )
                async with ending_group() as group:
                    group.create_task(self._dispatcher.run())
                    await self._channels_changed.wait()

    @asynccontextmanager
    async def _lines(self) -> AsyncIterator[dict[str, Line]]:
        async with AsyncExitStack() as stack:
            lines: dict[str, Line] = {}
            secret = logs.hiding(reader(os.environ, self.config.path.parent))
            for table in (*with_direct(self.config.channels), *direct_channels(self.config)):
                if table.name in lines:
                    continue
                module = load_channel(table.kind)
                setting = Setting(
                    name=table.name, folder=self.config.data_dir, clock=self.clock, secret=secret
                )
                try:
                    channel = module.open_channel(table.settings, setting)
                except ConfigError as error:  # the others go on; this one's rows wait for a good edit
                    log.error("channel not opened", channel=table.name, why=str(error))
                    await self.tell_admin(f"channel {table.name} is not open: {error}")
                    continue
                stack.push_async_callback(channel.close)
                lines[table.name] = Line(
                    channel=channel,
                    wants_sheet=module.WANTS_SHEET,
                    repeatable=module.REPEATABLE,
                    manner=manner_of(table, self.config, self._buttons_key),
                )
            yield lines

    # --- the desk --------------------------------------------------------------------------------

    async def _serving(self) -> None:
        """Run the desk of the configuration, anew when its channel or its table changed."""
        while True:
            self._desk_changed.clear()
            try:
                self._front = self._desk()
            except ConfigError as error:
                await self.tell_admin(f"the desk is not open: {error}")
            try:
                async with ending_group() as group:
                    if self._front is not None:
                        group.create_task(self._front.run())
                    await self._desk_changed.wait()
            finally:
                self._front = None

    def _desk(self) -> Front | None:
        """The desk as configured, or None without one. Raises ConfigError without its secrets."""
        table, channel = self.config.desk, channel_of(self.config)
        if table is None or channel is None:
            return None
        secret = logs.hiding(reader(os.environ, self.config.path.parent))
        settings: Any = channel.settings
        hook = ""
        if table.mode == "webhook" and not table.without_secret:
            hook = secret(table.webhook_secret_file, table.webhook_secret_env).strip()
        line = DeskLine(
            token=secret(settings.token_file, settings.token_env).strip(),
            base_url=settings.base_url,
            base_file_url=settings.base_file_url,
            secret=hook,
        )
        place = Place(
            people=lambda: people_of(self.config, self._moves),
            rota=lambda: self.config.rota,
            language=lambda: self.config.desk.language if self.config.desk else "en",
            night_began=lambda now: rotas.night_began(self.config.rota, now),
            spoke=self._spoke,
            tell_admin=self.tell_admin,
            arrived=self._arrived,
            digest_to=lambda: self.config.admin_channels,
            digest_chat=lambda: digest_chat(self.config, self._moves),
            channel_in=lambda chat_id: channel_in(self.config, chat_id, self._moves),
            moved=self._moved,
        )
        return Front(
            self.store,
            self.clock,
            table,
            line=line,
            key=self._buttons_key,
            hands=self._desk_hands(),
            place=place,
            pace=self._pace,
            held=self._held,
        )

    async def _arrived(self, alert_id: str, chat_id: int, message_id: int) -> None:
        if self._dispatcher is not None:
            await self._dispatcher.arrived(alert_id, chat_id, message_id)

    async def _pace(self, chat_id: int) -> None:
        if self._dispatcher is not None:
            await self._dispatcher.pace(chat_id)

    async def _moved(self, before: int, now: int) -> None:
        """An update said that a chat has another id: its people are heard there from now on."""
        home = self._moves.get(before, before)
        await moves.note(self.store.vault, home, now)
        self._note_move(str(home), str(now))

    def _note_move(self, before: str, now: str) -> None:
        with suppress(ValueError):  # a public channel's name never moves
            self._moves[int(now)] = self._moves.get(int(before), int(before))

    def _held(self, chat_id: int, seconds: float) -> None:
        if self._dispatcher is not None:
            self._dispatcher.held(chat_id, seconds)

    def _desk_hands(self) -> DeskHands:
        return DeskHands(
            tip=self._tip,
            describe=self._describe,
            near=self.bench.near,
            progress=lambda: tuple(self.house.rows.values()),
            troubles=self.troubles,
            add=self._add_target,
        )

    async def _tip(self, url: str, who: str, asked_at: datetime) -> Evidence:
        limit = dict(self.config.hosts).get(host_of(url), HostLimit())
        try:
            return await tips.capture(self.kit, url, who, limit, asked_at)
        except FeedTrouble as trouble:
            raise site_refused(trouble) from trouble

    async def _describe(self, data: bytes) -> Picture:
        return await self.workers.describe(data, sha256=sha256_of(data))

    async def _add_target(self, wanted: NewTarget) -> str:
        name = await add_target(
            wanted,
            folder=self.config.path.parent / "targets.d",
            taken=tuple(target.name for target in self.config.targets),
            today=self.clock.now().date(),
            recognise=lambda url: recognise(self.fetcher, url, self.clock),
            settings=lambda kind: feed.load(kind).Settings,
            check=self._reload.look,
        )
        self._reload.poke()
        return name

    async def _sheet(self, alert: Alert) -> bytes:
        """The contact sheet of an alert's pictures, those they resemble beside; b"" without pictures."""
        if alert.evidence is None:
            return b""
        pictures, place = alert.evidence.pictures, alert.jurisdiction
        targets, channels = self.config.targets, self.config.channels

        async def known(match: PictureMatch) -> bytes:
            lies_there = self.bench.in_gallery(match)
            may = await may_show(
                match, place, self.store, targets=targets, channels=channels, in_gallery=lies_there
            )
            return await self.bench.bytes_of(match) if may else b""

        return await sheet_of(
            pictures, alert.matches, read=self._picture, workers=self.workers, read_known=known
        )

    async def _picture(self, sha256: Sha256) -> bytes:
        try:
            return await self.store.blobs.get(sha256)
        except (DamagedBlob, DiskTrouble) as damage:
            log.error("picture blob not had", why=str(damage))
            return b""

    def _spoke(self) -> None:
        if self._dispatcher is not None:
            self._dispatcher.poke()

    async def tell_admin(self, text: str) -> None:
        """Log a trouble and put it on its way to the admin channels, from memory when the disk refuses."""
        log.warning("notice to the admin", text=text)
        announce = self.config.admin_channels
        try:
            await self.disk.once(lambda: self.store.notify(text, announce=announce, tier=Tier.HIGH))
        except DiskTrouble:
            now = self.clock.now()
            notice = Alert(
                alert_id=AlertId(new_id(now)),
                kind=AlertKind.NOTICE,
                tier=Tier.HIGH,
                created_at=now,
                notice=text,
            )
            self._tell_unwritten(Unwritten(alert=notice, sheet=b"", announce=announce))
        else:
            self._spoke()

    async def _say_unhinted(self, why: str) -> None:
        await self.tell_admin(f"the classifier of [hint] is asked no more until the next start: {why}")

    def _tell_unwritten(self, told: Unwritten) -> None:
        """Put an alert that no database holds on its way."""
        log.warning("told from memory", alert=told.alert.alert_id, tier=told.alert.tier.value)
        self.unwritten.add(told.alert, told.announce, told.sheet)
        self._spoke()

    def _losses(self) -> Losses:
        """What the trouble that is over did to captures."""
        counts = self.unkept.reset()
        return Losses(captured=counts.captured, told=counts.told, kept=counts.kept, given_up=counts.given_up)

    def _next_change(self, now: datetime) -> datetime:
        """When a window opens or closes next; a day from now when there is none."""
        edges = (hours.next_change(window, now) for window in self._windows())
        return min(edges, default=now + timedelta(days=1))

    def _night_anywhere(self) -> bool:
        """Whether any target is in its watch window."""
        now = self.clock.now()
        return any(hours.is_night(window, now) for window in self._windows())

    def _windows(self) -> set[NightWindow]:
        """The watch windows there are: few, however many targets, and as a rule these share one."""
        return set({id(target.window): target.window for target in self._live()}.values())

    # --- keeping house -----------------------------------------------------------------------

    async def _retire_expired(self) -> None:
        """Stop what passes its review while the daemon runs."""
        while True:
            await self.clock.sleep(REVIEW_S)
            live, expired = self._in_force()
            if any(t.name in self.roster.watches for t in expired):
                await self.roster.set_targets(live)
                await self._say_left_out(expired)

    def _live(self) -> tuple[Target, ...]:
        return self._in_force()[0]

    def troubles(self) -> tuple[str, ...]:
        """Why the daemon is not fit for the night; empty is ready. For /readyz."""
        held = self.unkept.depth
        self.vitals.not_preserved.set(held)
        found = [*self.house.troubles(), *in_words(self.overdue.late)]
        if held:
            found.append(f"disk: {held} captures are not preserved yet")
        if self.checkpoints.trouble:
            found.append(f"the log is not being signed: {self.checkpoints.trouble}")
        return tuple(found)

    async def _finish(self) -> None:
        """Judge and tell what was sealed last, as far as the seconds reach; the rest waits for the start."""
        try:
            async with asyncio.timeout(STOP_JUDGING_S * self.clock.speed):
                await self.bench.drain()
        except TimeoutError:
            log.info("evidence is left to be judged at the next start")
            # A verdict that came now would be told at the next start, hours later than one made there.
            self._judges.cancel()
            await asyncio.wait({self._judges})
            await self.store.vault.drain()
        if self._dispatcher is not None:
            await self._dispatcher.drain(STOP_TELLING_S * self.clock.speed)
        await self.house.flush()
        await self.manners.flush()
        await self.pacing.save()
        if self.unkept.depth:
            try:
                await self.unkept.keep_all()
            except DiskTrouble as refused:
                log.error("captures are lost: the disk refused", lost=self.unkept.depth, why=str(refused))
        await self.checkpoints.finish()


def run(path: Path) -> int:
    """`nightjar run`: watch until SIGTERM or SIGINT. Returns the exit code."""
    clock = clock_from(os.environ)
    reload = Reload(
        path,
        clock,
        environment=os.environ,
        feeds=lambda kind: feed.load(kind).Settings,
        feed_kinds=feed.kinds(),
    )
    config = reload.read()  # raises ConfigErrors before anything is opened
    make_data_dir(config)
    logs.set_up(clock, level=config.log_level.upper())
    raise_file_limit()
    garbage.one_thread_for_arrays()
    sys.setswitchinterval(SWITCH_S)
    with asyncio.Runner(loop_factory=lambda: scaled_loop(clock.speed)) as runner:
        garbage.spare(runner.get_loop(), clock.speed)
        return runner.run(_main(config, clock, reload))


def make_data_dir(config: Config) -> None:
    """Make the data folder if it is not there. Raises ConfigError where it cannot be."""
    folder = config.data_dir
    why = (
        "" if not folder.is_dir() or os.access(folder, os.W_OK | os.X_OK) else "this user may not write there"
    )
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or type(error).__name__
    if why:
        raise ConfigError(
            f"{folder} cannot be used: {why}", file=config.path.name, table="[nightjar]", key="data_dir"
        )


def raise_file_limit() -> None:
    """As many open files as the system allows: every host keeps a connection for minutes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _main(config: Config, clock: Clock, reload: Reload) -> int:
    daemon = Daemon(config, clock, reload, sparing=True)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stopping.set)
    loop.add_signal_handler(signal.SIGHUP, reload.poke)
    failed = False
    try:
        await daemon.run()
    except* NightjarError as group:
        failed = True
        for error in _leaves(group):
            log.error("the watch ended", why=str(error), kind=type(error).__name__)
    except* Exception as bugs:  # and troubles that nobody translated: one line each, and where
        failed = True
        for error in _leaves(bugs):
            log.error("the watch ended by a bug", why=str(error), kind=type(error).__name__, exc_info=error)
    return 1 if failed else 0


def _leaves(group: BaseExceptionGroup[Exception]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found

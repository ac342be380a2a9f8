"""Commands that change something: /report /watch /mute /mutes /oncall /lang, and /help."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import TypeVar

from bot.desk import names
from bot.desk import rota as rotas
from bot.desk.asking import Around, Asked, lasting
from bot.desk.hands import HandsRefused, NewTarget
from bot.desk.people import actor, may
from bot.desk.reply import Reply, begun, of, plainly, refusing
from bot.desk.tongue import LANGUAGES, Tongue, tongue
from bot.settings.checks import filled_in, web_address
from bot.words import plain
from storage import mutes, standing
from storage.errors import DatabaseTrouble
from storage.mutes import MuteRefused, Wish
from storage.observations import full_id

T = TypeVar("T")
_SELLER = re.compile(r"(.+?)\s*@\s*([^@]+)")


async def report(asked: Asked, around: Around) -> Reply:
    """A tip: the address is captured at once, and how it ends is told in the answer or later."""
    return await around.tips.report(asked, around.say)


async def watch(asked: Asked, around: Around) -> Reply:
    """Add a target, with by whose right; without words, the sellers whose alerts go first."""
    say, words = around.say, asked.words
    if not words:
        return await _sellers(around)
    if words.startswith("end ") and words[4:].strip().isdigit():
        ended = await standing.unwatch_seller(around.store.vault, int(words[4:]), actor(asked.officer))
        return plainly(
            say("Ended.") if ended else say("There is no such number."), "seller" if ended else "none"
        )
    if not may(asked.officer, "watch"):
        return refusing(say("Your role may not do that."), "may not watch")
    wanted = _new_target(words)
    if isinstance(wanted, tuple):
        asks = say("By whose right? Send it in one message:")
        form = say("/watch ADDRESS; legal basis; authorised by; review date such as 2027-06-30")
        fields = {
            "address": say("address (http:// or https://, without a log-in)"),
            "legal basis": say("legal basis"),
            "authorised by": say("authorised by"),
            "review date": say("review date"),
        }
        lacking = say("lacking or not understood: {what}", what=", ".join(fields[one] for one in wanted))
        return plainly(f"{asks}\n{form}\n{lacking}", f"open: {', '.join(wanted)}")
    try:
        name = await around.hands.add(wanted)
    except HandsRefused as refused:
        return plainly(say("It was not added: {why}", why=plain(names.why(refused, say), 500)), "not added")
    return plainly(say("Target {name} was added and is watched from now on.", name=name), "added")


def _new_target(words: str) -> NewTarget | tuple[str, ...]:
    """What the words say, or the names of what is lacking or cannot be read."""
    parts = [part.strip() for part in re.split(r"[;；\n]", words)]
    url, legal, by, review, *_ = [*parts, "", "", "", ""]
    found = {
        "address": _read(web_address, url),
        "legal basis": _read(filled_in, legal),
        "authorised by": _read(filled_in, by),
    }
    until = _read(date.fromisoformat, review)
    lacking = [name for name, value in found.items() if value is None]
    if lacking or until is None:
        return (*lacking, *(() if until else ("review date",)))
    return NewTarget(url=url, legal_basis=legal, authorised_by=by, review_after=until)


def _read(reader: Callable[[str], T], text: str) -> T | None:
    try:
        return reader(text)
    except ValueError:
        return None


async def _sellers(around: Around) -> Reply:
    say = around.say
    found = await standing.watched_sellers(around.store.vault.database)
    text = begun().add(say("Watched sellers: {count}", count=len(found)), "bold")
    for one in found[:40]:
        text.line().add(f"{one.number}. ").add(plain(one.seller, 60), "code")
        text.add(f" [{one.target}] {one.author} {say.local(one.since):%m-%d}")
    text.line().add(say("/watch end NUMBER ends one; /watch ADDRESS; … adds a target"))
    return of(text)


async def mute(asked: Asked, around: Around) -> Reply:  # noqa: PLR0911 -- one an ending
    """Keep alerts from people for a while: a seller, a target or a term, with a reason."""
    say, vault, who = around.say, around.store.vault, actor(asked.officer)
    first, _, rest = asked.words.partition(" ")
    try:
        if first in ("agree", "lift") and rest.strip().isdigit():
            if not may(asked.officer, f"mute {first}"):
                return refusing(say("Your role may not do that."), f"may not {first}")
            if first == "lift":
                await mutes.lift(vault, int(rest), who)
                return plainly(say("Lifted."), "lifted")
            await mutes.agree(vault, int(rest), who)
            return plainly(say("Agreed: it holds from now on."), "agreed")
        wish = await _wish(asked.words, around)
        if wish is None:
            return plainly(_mute_forms(say), "unclear")
        if (unknown := await _unknown_target(wish, around)) is not None:
            return plainly(say("There is no target {name}.", name=plain(unknown, 60)), "unknown target")
        made = await mutes.make(vault, wish, who, update_id=asked.update_id)
    except MuteRefused as refused:
        told = say("Not muted: {why}", why=names.why(refused, say))
        return refusing(told, str(refused)) if first == "agree" else plainly(told, "not muted")
    if made.starts_at is None:
        return plainly(names.waits_for_another(made, say), "waits")
    until = say.minute(made.ends_at)
    return plainly(say("Muted until {until}; number {number}.", until=until, number=made.number), "muted")


async def _unknown_target(wish: Wish, around: Around) -> str | None:
    """The target that a mute names and nobody watches or watched: it would hold nothing back, or None."""
    name = wish.value if wish.kind == "target" else wish.target
    if wish.kind == "term" or not name or name in {row.target for row in around.hands.progress()}:
        return None
    sql = "SELECT 1 FROM watched WHERE target = ? LIMIT 1"
    return None if await around.store.vault.database.rows(sql, (name,)) else name


def _mute_forms(say: Tongue) -> str:
    return "\n".join(
        (
            say("/mute seller NAME @ TARGET 12h reason"),
            say("/mute target NAME 3h reason"),
            say("/mute term WORD 12h reason"),
            say("/mute EVIDENCE 12h reason"),
        )
    )


async def _wish(words: str, around: Around) -> Wish | None:
    before, lasts, reason = lasting(words)
    kind, _, value = before.partition(" ")
    if lasts is None:
        return None
    if kind in ("target", "term"):
        return Wish(kind=kind, value=value.strip(), reason=reason, lasts=lasts)
    if kind == "seller" and (named := _SELLER.fullmatch(value.strip())):
        return Wish(kind=kind, value=named[1], target=named[2].strip(), reason=reason, lasts=lasts)
    try:
        kept = await around.store.evidence(await full_id(around.store.vault.database, before))
    except DatabaseTrouble:
        return None
    return Wish(kind="seller", value=kept.post.seller, target=kept.target, reason=reason, lasts=lasts)


async def muted(_asked: Asked, around: Around) -> Reply:
    """Mutes that hold or wait, with what they kept back."""
    say = around.say
    found = await mutes.listed(around.store.vault.database, around.now)
    text = begun().add(say("Mutes: {count}", count=len(found)), "bold")
    for one in found[:40]:
        text.line().add(f"{one.number}. {names.mute_word(one.kind, say)} ").add(plain(one.value, 60), "code")
        text.add(f" {one.author}, {plain(one.reason, 80)}; ")
        text.add(say("until {until}, {held} held back", until=say.minute(one.ends_at), held=one.held))
        if one.starts_at is None:
            text.add(" — ").add(say("waits for a second person"), "bold")
    return of(text)


async def oncall(asked: Asked, around: Around) -> Reply:  # noqa: PLR0911 -- one an ending
    """Who is on call; `take` it for a while, or `swap` it to somebody."""
    say = around.say
    if around.rota is None:
        return plainly(say("There is no rota."), "no rota")
    before, lasts, behind = lasting(asked.words)
    verb, _, name = before.partition(" ")
    if verb == "take" and (name or behind):  # "4 hours", "till eight": not until the turn ends by itself
        return plainly(say("/oncall take 4h · /oncall swap NAME 12h"), "unclear")
    turns = await around.turns()
    now_on = rotas.on_call(around.rota, around.now, turns)
    if verb not in ("take", "swap"):
        return _standing(around, now_on, turns)
    gives_own = verb == "take" or now_on == asked.officer.name
    if not may(asked.officer, f"oncall {verb}" if gives_own else "oncall give"):
        return refusing(say("Your role may not do that."), f"may not {verb}")
    other = asked.officer if verb == "take" else around.people.named(name)
    if other is None or not other.telegram or not may(other, "oncall take"):
        return plainly(say("Nobody of this name can be on call."), "unknown officer")
    ends = around.now + lasts if lasts else rotas.until(around.rota, around.now, turns)
    if not timedelta(minutes=1) <= ends - around.now <= timedelta(days=14):
        return plainly(say("A turn lasts from a minute to 14 days."), "unclear")
    await standing.take_turn(
        around.store.vault, other.name, ends, actor(asked.officer), before=now_on, update_id=asked.update_id
    )
    words = say("{name} is on call until {until}.", name=other.name, until=say.minute(ends))
    return plainly(words, "on call")


def _standing(around: Around, now_on: str, turns: tuple[rotas.Turn, ...]) -> Reply:
    say, rota = around.say, around.rota
    assert rota is not None  # the caller looked
    ends = rotas.until(rota, around.now, turns)
    text = begun().add(say("On call: {name}", name=now_on or "—"), "bold")
    text.line().add(
        say(
            "until {until}, then {name}", until=say.minute(ends), name=rotas.on_call(rota, ends, turns) or "—"
        )
    )
    text.line().add(say("in turn: {names}", names=", ".join(rotas.line(rota, around.now, turns))))
    text.line().add(say("/oncall take 4h · /oncall swap NAME 12h"))
    return of(text)


async def lang(asked: Asked, around: Around) -> Reply:
    """The language of this chat; in a group, of what the bot says there to all."""
    wanted = next((code for code in LANGUAGES if code.casefold() == asked.words.casefold()), None)
    if wanted is None and asked.words.casefold() in ("zh", "zh-cn", "中文"):
        wanted = "zh-Hans"
    if wanted is None:
        choices = " · ".join(f"/lang {code} ({name})" for code, name in LANGUAGES.items())
        return plainly(choices, "asked for languages")
    await standing.set_language(around.store.vault, asked.chat_id, wanted, actor(asked.officer))
    return plainly(tongue(wanted)("From now on in English."), f"language {wanted}")


async def helped(_asked: Asked, around: Around) -> Reply:
    """Every command in a line."""
    text = begun().add("Nightjar", "bold")
    for name, words in menu(around.say).items():
        text.line().add(f"/{name}").add(f" – {words}")
    text.line().add(around.say('A reply "ok" to a card takes its alert, where buttons do not work.'))
    return of(text)


def menu(say: Tongue) -> dict[str, str]:
    """The commands and what each does, for the menu of the client and for /help."""
    return {
        "status": say("how the watch is"),
        "tonight": say("what this night brought, and what nobody has taken"),
        "case": say("a case, or one piece of evidence"),
        "find": say("by words, number, address or picture"),
        "evidence": say("the package of a piece of evidence, as a file"),
        "report": say("capture a page now"),
        "watch": say("add a target; watched sellers"),
        "mute": say("keep alerts back for a while, with a reason"),
        "mutes": say("what is muted"),
        "oncall": say("who is on call; take or swap a turn"),
        "lang": say("language of this chat"),
        "help": say("this list"),
    }

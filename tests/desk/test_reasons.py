"""Whatever the judge says is said in Chinese too: every form of a reason in its source, every product."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product as each
from pathlib import Path

import pytest

from bot.channel import Manner
from bot.compose import card
from bot.desk.digest import words as digest_words
from bot.desk.findings import case
from bot.desk.reasons import product_word, why_word
from bot.desk.tongue import LANGUAGES, tongue
from bot.lanes.incident import incident_card
from bot.words import plain, units
from storage.dossier import Casefile
from storage.duties import Step
from storage.duty import CLOCK
from storage.model import Reason, Tier
from storage.text import ways
from tests.bot.test_lane_parts import member
from tests.desk.test_digest import line
from tests.fakes import words
from watchers.detect.score import judge
from watchers.lexicon import Kind, Lexicon

ROOT = Path(__file__).resolve().parents[2]
JUDGE = [*sorted((ROOT / "watchers" / "detect").glob("*.py")), ROOT / "watchers" / "judging.py"]
CHINESE = tongue("zh-Hans")
ANY = "\0"
"""Stands for what is not known before a post is judged."""
OPEN_MOST = 40
"""Characters of a card's reason that its own words may take, so that what they speak of is told too."""


@dataclass(frozen=True)
class Source:
    """A file of the judge: what its expressions can be, as texts with `ANY` for what only a post says."""

    name: str
    tree: ast.Module

    def reasons(self) -> Iterator[tuple[str, str]]:
        """(kind, what) of every reason that is made here; passed on ones are made elsewhere."""
        for function in ast.walk(self.tree):
            if not isinstance(function, ast.FunctionDef):
                continue
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "Reason":
                    given = {key.arg: key.value for key in call.keywords}
                    if ast.unparse(given["what"]) not in ("reason.what", "contact.kind"):
                        kinds = self.texts(given["kind"], function)
                        yield from each(kinds, self.texts(given["what"], function))

    def texts(self, value: ast.expr, within: ast.FunctionDef) -> set[str]:  # noqa: PLR0911 -- one a kind
        """Every text that an expression can be."""
        match value:
            case ast.Constant(value=str(text)):
                return {text}
            case ast.JoinedStr(values=parts):
                made = each(*(self.texts(part, within) for part in parts))
                return {"".join(one) for one in made}
            case ast.FormattedValue(value=inner):
                return self.texts(inner, within)
            case ast.IfExp(body=one, orelse=other):
                return self.texts(one, within) | self.texts(other, within)
            case ast.Subscript(value=ast.Name(id=table)):
                return set(strings(getattr(importlib.import_module(self.name), table, ANY)))
            case ast.Name(id=name):
                return self.named(name, within) or {ANY}
        return {ANY}

    def named(self, name: str, within: ast.FunctionDef) -> set[str]:
        """What is put under a name: assigned, taken from a table of the module, given by callers, global."""
        found: set[str] = set()
        for node in ast.walk(within):
            if isinstance(node, ast.Assign):
                found |= self.assigned(node, name, within)
            if isinstance(node, ast.For) and re.search(rf"\b{name}\b", ast.unparse(node.target)):
                found |= set(self.looped(node))
        parameters = [one.arg for one in within.args.args]
        if name in parameters:
            found |= self.given(within.name, parameters.index(name))
        if not found:
            found |= set(strings(getattr(importlib.import_module(self.name), name, ())))
        return found

    def assigned(self, node: ast.Assign, name: str, within: ast.FunctionDef) -> set[str]:
        (target,) = node.targets
        if isinstance(target, ast.Name) and target.id == name:
            return self.texts(node.value, within)
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = zip(target.elts, node.value.elts, strict=True)
            return set().union(*(self.texts(v, within) for t, v in pairs if ast.unparse(t) == name))
        return set()

    def looped(self, node: ast.For) -> Iterator[str]:
        """First texts of the values of a module's table that is looped over."""
        table = ast.unparse(node.iter).partition(".")[0]
        return strings(getattr(importlib.import_module(self.name), table, ()))

    def given(self, called: str, at: int) -> set[str]:
        """What callers within the file give as an argument."""
        calls = [n for n in ast.walk(self.tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == called]
        functions = [n for n in ast.walk(self.tree) if isinstance(n, ast.FunctionDef)]
        return {
            text
            for function in functions
            for call in ast.walk(function)
            if call in calls and isinstance(call, ast.Call)
            for text in self.texts(call.args[at], function)
        }


def strings(value: object) -> Iterator[str]:
    """Texts in a table: of a dict its values', of a tuple those in it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, tuple):
        for one in value:
            yield from strings(one)


@cache
def judged() -> tuple[tuple[str, str], ...]:
    """(kind, what) of every reason in the judge's source."""
    found: set[tuple[str, str]] = set()
    for path in JUDGE:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found |= set(Source(name=name, tree=ast.parse(path.read_text())).reasons())
    return tuple(sorted(found))


@cache
def lexicon() -> Lexicon:
    return Lexicon.load()


def example(kind: str, what: str) -> Reason:
    """A reason with something in its open places: numbers where numbers stand."""
    for filled in ("7", "象"):
        reason = Reason(kind=kind, what=what.replace(ANY, filled), weight=0.5)
        if why_word(reason, CHINESE) != reason.what:
            return reason
    return reason


def english(text: str) -> list[str]:
    return re.findall(r"[a-z]{2,}", text)


def test_the_source_of_the_judge_is_read_whole() -> None:
    kinds = {kind for kind, _ in judged()}
    assert kinds == {
        "cue",
        "contact",
        "context",
        "fault",
        "form",
        "hint",
        "hour",
        "model",
        "picture",
        "price",
        "seller",
        "term",
    }
    whats = {what for _, what in judged()}
    assert len(whats) >= 45
    for one in (
        "wants to buy",
        "speaks of age",
        "said to be a replica or another material",
        "seen at night",
        f"{ANY} adverts by this contact judged high before",
        f"very likely the same picture as evidence {ANY}",
        "told for its account alone: below high",
        "hardly a word beside a known account",
    ):
        assert one in whats, one
    assert ANY not in whats, "a reason whose words are nowhere in the source cannot be in a catalogue"


@pytest.mark.parametrize(("kind", "what"), judged(), ids=lambda value: repr(value)[:50])
def test_every_reason_that_the_judge_can_give_is_said_in_chinese(kind: str, what: str) -> None:
    if kind == "term":  # term and products, which are looked at below
        assert what == f"{ANY}: {ANY}"
        return
    reason = example(kind, what)
    said = why_word(reason, CHINESE)
    assert re.search("[\u4e00-\u9fff]", said.replace("象", "")), said
    assert not english(said), said
    assert len(said) <= OPEN_MOST
    assert why_word(reason, tongue("en")) == reason.what


def test_every_product_and_term_of_the_lexicon_is_said_in_chinese() -> None:
    products = lexicon().products()
    assert len(products) > 60
    chinese = {one: product_word(one, CHINESE) for one in products}
    assert [one for one, said in chinese.items() if english(said)] == []
    assert len(set(chinese.values())) == len(chinese), "two products would look like one"
    for term in lexicon().terms:
        if term.kind in (Kind.CUE, Kind.CONTEXT, Kind.FORM, Kind.READING):
            continue
        found = [r for r in verdict_on(term.text).reasons if r.kind == "term"]
        for reason in found:
            told = why_word(reason, CHINESE)
            assert told.rpartition(": ")[0] == reason.what.rpartition(": ")[0]
            assert not english(told.rpartition(": ")[2]), told


def verdict_on(text: str) -> words.Verdict:
    return judge(words.post(title="", text=f"{text} 出售 微信 abc_12345"), (), (), lexicon(), 2)


def test_every_way_to_a_seller_is_said_in_chinese() -> None:
    links = {row[0] for row in ways.LINKS} | {row[0] for row in ways.CUES}
    for kind in links | {"email", "phone", "handle"}:
        said = why_word(Reason(kind="contact", what=kind, weight=1.0), CHINESE)
        assert said != kind
        assert said[0].isupper() or re.match("[\u4e00-\u9fff]", said)


def test_labels_of_the_gallery_keep_what_is_their_own() -> None:
    what = "same picture as gallery picture ivory, case 7, tusk"
    assert why_word(Reason(kind="picture", what=what, weight=1.0), CHINESE) == (
        "与图库图片相同：象牙, case 7, tusk"
    )
    unknown = Reason(kind="cue", what="of a later version {x} {0}", weight=1.0)
    assert why_word(unknown, CHINESE) == unknown.what
    assert product_word("somebody's own {product}", CHINESE) == "somebody's own {product}"


def casefile(reasons: tuple[Reason, ...] = ()) -> Casefile:
    """A file of nothing but a verdict with these reasons."""
    bare = {"manifest": "", "leaf_hash": "", "entry": "", "files": (), "chain": (), "sightings": ()}
    bare |= dict.fromkeys(("lifetime", "judged_at", "item")) | dict.fromkeys(
        ("matches", "members", "told"), ()
    )
    return Casefile(evidence=words.evidence(), verdict=words.verdict(reasons=reasons), **bare)  # type: ignore[arg-type]


def test_what_the_clock_did_is_said_in_chinese_and_a_state_that_stayed_once() -> None:
    further = Step(at=words.NIGHT, actor=CLOCK.name, act="escalate", before="escalated", after="escalated")
    taken = replace(further, actor="Mai (12)", act="acknowledge", after="acknowledged")
    told = case(casefile(), (further, taken), CHINESE).text.splitlines()[-2:]
    assert told[0].endswith(" 系统计时: 上报 (已上报)")
    assert told[1].endswith(" Mai (12): 接手 (已上报 → 已接手)")


def test_answers_incidents_and_the_digest_name_products_in_chinese() -> None:
    reasons = (
        Reason(kind="term", what="XJ: rhino horn", weight=1.2),
        Reason(kind="cue", what="wants to buy", weight=1),
    )
    assert "XJ: 犀牛角, 求购" in case(casefile(reasons), (), CHINESE).text
    assert "] 象牙 " in incident_card("seller a", [member(1, product="ivory")], say=CHINESE).text
    told = digest_words("2026-03-01", [line(products="ivory, tiger bone")], CHINESE).text
    assert "1 象牙, 虎骨" in told


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_longest_reasons_and_products_leave_a_card_within_a_caption(language: str) -> None:
    say = tongue(language)
    reasons = [example(kind, what.replace(ANY, "果冻料" * 20)) for kind, what in judged()]
    reasons.sort(key=lambda one: -units(plain(why_word(one, say), 60)))
    products = tuple(sorted(lexicon().products(), key=lambda one: -units(product_word(one, say))))
    long = "角\U0001f98f" * 200
    post = words.post(title=long, text=long, seller=long, price=long, location=long)
    for at in range(len(reasons)):
        verdict = words.verdict(
            Tier.URGENT,
            reasons=tuple(reasons[at:] + reasons[:at]),
            products=products[:5],
            contacts=(long,) * 3,
        )
        alert = replace(
            words.alert(evidence=words.evidence(post), verdict=verdict), log_root="f" * 64, log_size=10**9
        )
        made = card(alert, manner=Manner(language=language, zone="Asia/Kathmandu"), sent_at=words.NIGHT)
        assert units(made.text) <= 1_024
        assert made.text.splitlines()[-1].startswith(say("status"))
        assert plain(why_word(verdict.reasons[0], say), 60) in made.text

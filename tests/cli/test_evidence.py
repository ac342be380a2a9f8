"""The investigator's commands on a real data folder: status, find, show, export, verify."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import termios
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rich.cells import cell_len

from bot.commands import cosigned
from bot.commands.out import Out, tame
from storage.cosigners import Standing
from storage.model import Observation, Post, Progress, Tier
from storage.recovery import LOCK, Lock
from storage.store import Store
from tests.cli.kept import CONFIG, SALE, START, Command, Kept, StillClock, night, snapshot
from tests.storage.kit import change


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return night(tmp_path)


@pytest.fixture
def run(kept: Kept, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys, kept.config)


STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")


def test_status_tells_each_target_with_what_was_asked_and_reached(run: Command, kept: Kept) -> None:
    facts = run("status", "--json").facts
    rows = {row["target"]: row for row in facts["targets"]}
    market = rows["market"]
    assert (market["health"], market["interval_s"], market["achieved_interval_s"]) == ("blocked", 30.0, 31.5)
    assert (market["usual_yield"], market["last_yield"]) == (20.0, 3)
    assert market["lag_s"] is not None
    assert (market["posts"], market["matched"]) == (1, 1)
    assert rows["never polled"]["health"] == "new"
    assert facts["evidence"] == 3
    assert {c["channel"] for c in facts["channels"]} == {"duty"}


def test_status_reads_well_and_nothing_steers_the_terminal(run: Command) -> None:
    ran = run("status")
    assert ran.code == 0
    assert "market" in ran.out
    assert "captcha" in ran.out
    assert not STEERING.search(ran.out)


def test_status_says_whether_the_watch_is_running(run: Command, kept: Kept) -> None:
    assert run("status", "--json").facts["running"] is False
    assert "THE WATCH IS NOT RUNNING" in run("status").out
    lock = Lock(kept.folder / LOCK)
    try:
        assert run("status", "--json").facts["running"] is True
        assert "NOT RUNNING" not in run("status").out
    finally:
        lock.release()
    again = Lock(kept.folder / LOCK)  # looking took nothing away
    again.release()


def test_status_tells_a_target_whose_authority_is_open(run: Command, kept: Kept) -> None:
    kept.config.write_text(CONFIG.replace('"Art. 341"', '"<the law>"'))
    ran = run("status", "--json")
    rows = {row["target"]: row for row in ran.facts["targets"]}
    assert {rows[name]["health"] for name in ("market", "never polled")} == {"unfilled"}
    assert all(rows[name]["configured"] for name in ("market", "never polled"))
    assert "legal_basis" in rows["never polled"]["reason"]
    assert "unfilled" in run("status").out


def test_status_works_though_the_configuration_has_mistakes(run: Command, kept: Kept) -> None:
    kept.config.write_text(kept.config.read_text() + "\n[[target]]\nzone = x\n")
    ran = run("status", "--json")
    assert ran.code == 0
    assert "mistakes" in ran.facts["remark"]


@pytest.mark.parametrize("dots", ["…", "...", ""])
def test_an_id_that_a_screen_cut_short_can_be_copied_with_its_dots(
    run: Command, kept: Kept, dots: str
) -> None:
    assert run("show", kept.sale[:28] + dots, "--json").facts["evidence"]["evidence_id"] == kept.sale
    assert run("show", dots or " ").code == 1


def test_find_by_words_contact_tier_and_target(run: Command, kept: Kept) -> None:
    def ids(*words: str) -> list[str]:
        return [one["evidence_id"] for one in run("find", *words, "--json").facts["found"]]

    assert ids("bicycle") == [kept.harmless]
    assert kept.sale in ids("犀角")
    assert kept.sale in ids("--contact", "13800138000")
    assert ids("--tier", "high") == [kept.gone, kept.sale]
    assert ids("--vanished") == ids("--vanished", "犀角", "--tier", "urgent") == [kept.gone]
    assert ids("--vanished", "--contact", "13800138000", "--since", "2026-11-24") == [kept.gone]
    assert ids("--vanished", "bicycle") == []
    assert kept.sale in ids("--tier", "urgent")
    assert ids("--target", "nobody") == []
    assert len(ids()) == 3
    assert len(ids("--limit", "1")) == 1
    assert ids("--since", "2026-11-25") == []
    assert len(ids("--until", "2026-11-25T08:00+08:00")) == 3


def test_find_reads_well_and_nothing_steers_the_terminal(run: Command, kept: Kept) -> None:
    ran = run("find")
    assert kept.sale in ran.out.replace("\n", "")
    assert "3 found" in ran.out
    assert not STEERING.search(ran.out)


LONG = "夜市 the market of many words behind the old station"


def crowd(kept: Kept) -> None:
    """Beside the night: a target, a channel and an authority with everything long, and a long advert."""

    async def fill() -> None:
        store = await Store.open(kept.folder, StillClock())
        try:
            row = Progress(
                target=LONG, health="forbidden", reason="robots.txt " * 30,
                last_good_at=START - timedelta(days=90), usual_yield=2000.0, last_yield=1999,
                achieved_interval_s=5025.4,
            )  # fmt: skip
            await store.save_progress([row])
            await store.notify("a word", announce=(LONG,), tier=Tier.HIGH)
            post = Post(post_id="p9", url="https://e.org/9", title="犀角手串 " * 30, seller="老王" * 30)
            await store.seal(replace(snapshot(post), target=LONG))
        finally:
            await store.close()

    asyncio.run(fill())
    authority = "a very long name of an authority that stamps"
    change(
        kept.folder,
        "INSERT INTO token (size, authority, state, attempts, due_at, why) VALUES (1, ?, 'waiting', 3, 0, ?)",
        authority,
        "no answer " * 30,
    )


def on_a_terminal(columns: int, *words: str) -> str:
    """What `nightjar` prints on a real terminal of so many columns, without colours."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    command = [sys.executable, "-m", "bot.cli", *words]
    told = b""
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, env=env | {"TERM": "xterm"}) as process:
        os.close(theirs)
        with suppress(OSError):  # how a terminal says that nobody writes any more
            while piece := os.read(ours, 65_536):
                told += piece
    os.close(ours)
    assert process.returncode == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", told.decode())


@pytest.mark.parametrize("columns", [80, 149])
def test_find_and_status_fit_a_narrow_screen(kept: Kept, columns: int) -> None:
    crowd(kept)
    found, status = (on_a_terminal(columns, it, "--config", str(kept.config)) for it in ("find", "status"))
    for line in (found + status).splitlines():
        assert cell_len(line) <= columns, line
    for evidence_id in (kept.sale, kept.gone, kept.harmless):
        assert re.search(rf"^\W*{evidence_id}\b", found, re.MULTILINE)
    assert "urgent 93" in found
    for word in (
        "blocked",
        "forbidden",
        "30s/31.5s",
        "3 of 20",
        "delivered",
        "captcha",
        "robots.txt",
        "waiting",
    ):
        assert word in status


def test_a_cosigner_with_a_long_name_fits_too(capsys: pytest.CaptureFixture[str]) -> None:
    rows = cosigned.rows(
        [Standing(key=f"{LONG}+00+AA", size=1_234_567, at=START.isoformat(), newest=False)],
        witnesses=("w.example+00+AA",),
    )
    out = Out()
    out.console.width = 80
    cosigned.show(out, rows, tight=True)
    told = capsys.readouterr().out
    assert max(map(cell_len, told.splitlines())) <= 80
    for words in ("w.example", "it has not signed yet", "2026-11-24 22:00:00Z", "1234567"):
        assert words in told


def test_a_wide_screen_and_a_pipe_have_whole_tables(run: Command, kept: Kept) -> None:
    assert "last good poll" in run("status").out
    assert re.search(
        rf"^\W+{kept.sale}\W+2026-11-24 22:00:02Z\W+market\W+seen\W+urgent 93", run("find").out, re.MULTILINE
    )


@pytest.mark.parametrize(
    "words", [("--since", "yesterday"), ("--limit", "0"), ("--tier", "loud"), ("--since", "9x")]
)
def test_find_refuses_what_makes_no_sense(run: Command, words: tuple[str, str]) -> None:
    ran = run("find", *words)
    assert ran.code == 2
    assert "nightjar" in ran.err


def test_show_keeps_facts_apart_from_conclusions(run: Command, kept: Kept) -> None:
    ran = run("show", kept.sale)
    assert ran.code == 0
    assert ran.out.index("What was received") < ran.out.index("What was concluded")
    for words in ("lao_wang", "vanished between", "tier urgent", "404 Not Found", "13*-****-**00"):
        assert words in ran.out
    assert not STEERING.search(ran.out)


def test_show_says_what_an_edit_changed(run: Command, kept: Kept) -> None:
    async def edit() -> str:
        store = await Store.open(kept.folder, StillClock())
        try:
            cheaper = replace(
                SALE, price="¥ 8,000", text=SALE.text.replace("138-0013-8000", "gone"), pictures=()
            )
            return (await store.seal(snapshot(cheaper, Observation.CHANGED, kept.sale))).evidence_id
        finally:
            await store.close()

    changed = asyncio.run(edit())
    told = run("show", changed).out
    assert f"changed since {kept.sale}" in told
    assert "price: ¥ 9,000 → ¥ 8,000" in told
    assert "tel 13*-****-**00 second line → " in told
    assert "pictures: 1 removed" in told
    assert not STEERING.search(told)
    facts = run("show", changed, "--json").facts["edit"]
    assert [one["what"] for one in facts["changes"]] == ["price", "pictures", "text"]
    assert "138-0013-8000" not in json.dumps(facts)
    assert run("show", kept.sale, "--json").facts["edit"] is None


def test_show_gives_all_of_it_as_json_and_takes_the_beginning_of_an_id(run: Command, kept: Kept) -> None:
    facts = run("show", kept.sale[:20], "--json").facts
    assert facts["evidence"]["evidence_id"] == kept.sale
    assert facts["verdict"]["tier"] == "urgent"
    assert [look["evidence_id"] for look in facts["chain"]] == [kept.sale, kept.gone]
    assert facts["lifetime"]["missing_class"] == "404"


def test_an_unknown_id_is_told_in_one_line(run: Command) -> None:
    ran = run("show", "ffffffffffff")
    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err


def test_export_makes_a_folder_that_stock_tools_check(run: Command, kept: Kept, tmp_path: Path) -> None:
    out = tmp_path / "case"
    ran = run("export", kept.sale, "--out", str(out), "--json")
    assert ran.code == 0
    assert Path(ran.facts["package"]) == out
    checked = subprocess.run(
        ["sha256sum", "-c", "manifest-sha256.txt"], cwd=out, capture_output=True, check=False
    )
    assert checked.returncode == 0
    again = run("export", kept.sale, "--out", str(out))
    assert again.code == 1
    assert "there already" in again.err


def test_a_package_is_verified_without_a_store(run: Command, kept: Kept, tmp_path: Path) -> None:
    out = tmp_path / "case.zip"
    assert run("export", "--all", "--out", str(out), "--why", "trial").code == 0
    ran = run("verify", str(out), "--json")
    assert (ran.code, ran.facts["whole"], ran.facts["time_pending"], ran.facts["first"]) == (
        0,
        True,
        True,
        "",
    )
    assert "KEYS WERE NOT COMPARED" in run("verify", str(out)).out
    strange = run("verify", str(out), "--key", "00" * 32)
    assert strange.code == 1
    assert "The first thing that does not hold: key:" in strange.out
    assert "still holds: files, hashes" in strange.out
    assert run("verify", str(out), "--key", "short").code == 2
    assert run("verify", str(out), "--tsa-roots", str(tmp_path / "none")).code == 2
    assert run("verify", str(tmp_path / "nothing.zip")).code == 1
    assert run("verify", "--admin", "00" * 32).code == 2
    assert run("export", "--out", str(tmp_path / "x")).code == 2


def test_a_case_is_exported_and_verified_by_its_number(run: Command, kept: Kept, tmp_path: Path) -> None:
    assert run("case", "new", "2026/7", "--title", "trial", "--legal-basis", "art. 1").code == 0
    assert run("case", "add", "2026/7", kept.sale).code == 0
    ran = run("verify", "2026/7", "--json")
    assert (ran.code, ran.facts["whole"], ran.facts["evidence"]) == (0, True, 2)
    out = tmp_path / "case"
    ran = run("export", "2026/7", "--out", str(out), "--json")
    assert (ran.code, ran.facts["cases"], ran.facts["looks"]) == (0, ["2026/7"], 2)
    filed = json.loads((out / "data/case/case.json").read_text())
    assert (filed["case"], filed["legal_basis"]) == ("2026/7", "art. 1")
    assert [entry["kind"] for entry in filed["cases"][0]["history"]] == ["case", "case"]
    assert run("verify", str(out)).code == 0
    assert run("verify", "2026/8").code == 1


def test_an_export_says_how_it_is_checked_and_that_line_works(
    run: Command, kept: Kept, tmp_path: Path
) -> None:
    out = tmp_path / "package"
    told = run("export", kept.sale, "--out", str(out)).out
    assert "1 piece of evidence, with all looks at the same posts 2" in " ".join(told.split())
    key = re.search(r"sh verify\.sh --key ([0-9a-f]{64})", " ".join(told.split()))
    assert key is not None
    done = subprocess.run(["sh", "verify.sh", "--key", key[1]], cwd=out, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def test_verify_says_whole_and_finds_a_changed_byte(run: Command, kept: Kept) -> None:
    ran = run("verify", "--json")
    assert (ran.code, ran.facts["whole"], ran.facts["evidence"]) == (0, True, 3)
    assert "everything is as it was written" in run("verify").out
    (blob,) = [p for p in kept.folder.rglob("*") if p.is_file() and p.read_bytes()[-11:] == b"old bicycle"][
        :1
    ]
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[:-1] + b"X")
    ran = run("verify")
    assert ran.code == 1
    assert "not whole" in ran.out
    assert run("show", kept.harmless).code == 1


def test_commands_say_when_nothing_was_kept_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[nightjar]\ncontact = "a@example.org"\n')
    run = Command(capsys, config)
    for words in (("status",), ("find",), ("show", "x"), ("verify",), ("export", "x", "--out", "y")):
        ran = run(*words)
        assert ran.code == 1
        assert "no data folder" in ran.err


def test_letters_of_no_width_that_part_a_word_are_shown_as_dots_on_a_terminal() -> None:
    assert tame("犀\U000e0061角\u3164老\u115f料\uffa0") == "犀·角·老·料·"

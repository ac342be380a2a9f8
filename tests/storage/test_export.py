"""What is handed over can be read and checked by somebody who does not trust us."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pyrage
import pytest

from bench._looks import answer, judgement, look, watched
from storage import checkpoints
from storage.casefile import export, find, show, status, verify
from storage.errors import CaseRefused, DamagedBlob, DatabaseTrouble, DiskTrouble, RolledBack
from storage.model import (
    Evidence,
    Lifetime,
    Observation,
    PictureCapture,
    PictureRef,
    Presence,
    Progress,
    Sighting,
    Tier,
    sha256_of,
)
from storage.notes import read_proof
from storage.package.check import check
from storage.package.write import unfinished
from storage.store import Store
from storage.tree import leaf_hash, root_by_path
from tests.storage.kit import HandClock, opened

JPEG = b"\xff\xd8\xff\xe0" + b"photo" * 400
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e</bdi>\"'&"


async def a_case(store: Store, clock: HandClock) -> tuple[Evidence, Evidence]:
    """A hostile post with a JPEG that matched and vanished; its first and last look."""
    at = clock.now()
    ref = PictureRef(url="https://e.org/1.jpg")
    picture = PictureCapture(ref=ref, response=answer(ref.url, JPEG, at))
    snapshot = look("1", at, pictures=0)
    words = replace(snapshot.post, title=HOSTILE, text="血料 " + HOSTILE, seller=HOSTILE)
    first = await store.seal(replace(snapshot, post=words, pictures=(picture,)), watched=watched("1", at))
    await store.record(judgement(first, clock.tick(), Tier.URGENT), announce=("chat",))
    gone = Sighting(
        target="market", post_id="1", looked_at=clock.tick(), presence=Presence.GONE_404, why=HOSTILE
    )
    await store.add_sightings([gone])
    lifetime = Lifetime(last_seen_at=at, first_missing_at=clock.tick(), confirmations=3, missing_class="404")
    last = await store.seal(
        replace(
            look("1", clock.now(), pictures=0), observation=Observation.MISSING, previous=first.evidence_id
        ),
        announce=("chat",),
        lifetime=lifetime,
    )
    return first, last


def in_shell(script: str, folder: Path) -> str:
    return subprocess.run(["sh", "-c", script], cwd=folder, capture_output=True, text=True, check=True).stdout


def sha256sum_says(folder: Path) -> int:
    done = subprocess.run(
        ["sha256sum", "-c", "--strict", "--quiet", "manifest-sha256.txt"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    return done.returncode


async def test_stock_tools_say_that_all_is_whole(store: Store, clock: HandClock, tmp_path: Path) -> None:
    first, last = await a_case(store, clock)
    steps: list[tuple[int, int]] = []
    out = await export(store, [first.evidence_id], tmp_path / "case", lambda d, t: steps.append((d, t)))
    assert out == tmp_path / "case"
    assert sha256sum_says(out) == 0
    listed = {line.split("  ", 1)[1] for line in (out / "manifest-sha256.txt").read_text().splitlines()}
    there = {p.relative_to(out).as_posix() for p in (out / "data").rglob("*") if p.is_file()}
    assert listed == there
    assert {p.name for p in (out / "data/evidence").iterdir()} == {first.evidence_id, last.evidence_id}
    assert (out / "data/files" / f"{first.pictures[0].sha256}.jpg").read_bytes() == JPEG
    assert steps[-1][0] == steps[-1][1] > 0


async def test_any_flipped_byte_of_a_file_is_noticed(store: Store, clock: HandClock, tmp_path: Path) -> None:
    first, _ = await a_case(store, clock)
    out = await export(store, [first.evidence_id], tmp_path / "case")
    chosen = random.Random(5)
    for path in [p for p in (out / "data").rglob("*") if p.is_file()]:
        path.chmod(0o640)
        whole = path.read_bytes()
        at = chosen.randrange(len(whole) - 1)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert sha256sum_says(out) != 0, path
        path.write_bytes(whole)
    assert sha256sum_says(out) == 0


async def test_the_place_in_the_log_can_be_recomputed(store: Store, clock: HandClock, tmp_path: Path) -> None:
    for number in range(5):
        await store.seal(look(f"other-{number}", clock.tick()))
    first, last = await a_case(store, clock)
    size, root = await store.root()
    out = await export(store, [last.evidence_id], tmp_path / "case")
    assert (out / "data/log/checkpoint").read_text().splitlines()[1] == str(size)
    for evidence in (first, last):
        folder = out / "data/evidence" / evidence.evidence_id
        proof = read_proof((folder / "proof.tlog").read_bytes())
        entry = (folder / "entry.json").read_bytes()
        assert json.loads(entry)["manifest_sha256"] == evidence.manifest_sha256
        assert proof.note == (out / "data/log/checkpoint").read_text()
        assert root_by_path(leaf_hash(entry), proof.index, size, proof.path).hex() == root


async def test_the_readme_s_own_commands_say_that_it_is_whole(
    store: Store, clock: HandClock, tmp_path: Path
) -> None:
    first, _ = await a_case(store, clock)
    out = await export(store, [first.evidence_id], tmp_path / "case")
    by_hand = (out / "README.txt").read_text().split("Single checks by hand\n")[1].split("\n\n")[0]
    commands = by_hand.replace("\\\n", "").splitlines()
    assert in_shell(commands[0].strip(), out) == ""
    assert "Verified" in in_shell(commands[1].strip(), out)
    if shutil.which("ssh-keygen"):
        assert "Good" in in_shell(next(c for c in commands if "ssh-keygen" in c).strip(), out)


class _Page(HTMLParser):
    """Collects the tags and attributes that a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.handlers: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.sources += [value or "" for name, value in attrs if name in {"src", "href"}]


async def test_nothing_of_a_seller_runs_in_the_report(store: Store, clock: HandClock, tmp_path: Path) -> None:
    first, _ = await a_case(store, clock)
    out = await export(store, [first.evidence_id], tmp_path / "case")
    text = (out / "data/report/report.html").read_text()
    page = _Page()
    page.feed(text)
    assert "script" not in page.tags
    assert page.handlers == []
    assert all(source.startswith(("data:image/", "#", "../../data/files/")) for source in page.sources)
    assert "default-src &#x27;none&#x27;" in text or "default-src 'none'" in text
    assert "\u202e" not in text
    assert "血料" in text
    assert "404" in text


async def test_facts_and_inference_are_files_apart(store: Store, clock: HandClock, tmp_path: Path) -> None:
    first, last = await a_case(store, clock)
    out = await export(store, [first.evidence_id], tmp_path / "case")
    folder = out / "data/evidence" / first.evidence_id
    assert "score" not in (folder / "manifest.json").read_text()
    inference = json.loads((folder / "inference.json").read_text())
    assert inference["verdict"]["tier"] == "urgent"
    assert [t["kind"] for t in inference["told"]] == ["new", "deleted"]
    watch = json.loads((out / "data/evidence" / last.evidence_id / "watch.json").read_text())
    assert watch["lifetime"]["missing_class"] == "404"
    assert [s["presence"] for s in watch["sightings"]] == ["404"]


async def test_an_export_is_an_event_in_the_log(store: Store, clock: HandClock, tmp_path: Path) -> None:
    first, _ = await a_case(store, clock)
    before, _ = await store.root()
    await export(store, [first.evidence_id], tmp_path / "case", officer="badge 12")
    (row,) = await store.vault.database.rows("SELECT kind, record FROM record WHERE leaf = ?", (before,))
    assert row["kind"] == "export"
    facts = json.loads(row["record"])["facts"]
    assert first.evidence_id in facts["evidence"]
    assert facts["officer"] == "badge 12"
    assert facts["seal_sha256"] == sha256_of((tmp_path / "case/seal.txt").read_bytes())
    assert (await verify(store)).whole


async def test_an_export_never_overwrites(store: Store, clock: HandClock, tmp_path: Path) -> None:
    first, _ = await a_case(store, clock)
    (tmp_path / "case").mkdir()
    with pytest.raises(DiskTrouble, match="never overwrites"):
        await export(store, [first.evidence_id], tmp_path / "case")


async def test_damaged_evidence_is_not_handed_over(store: Store, clock: HandClock, tmp_path: Path) -> None:
    first, _ = await a_case(store, clock)
    path = store.blobs.path(first.page_sha256)
    path.chmod(0o640)
    path.write_bytes(b"bent")
    with pytest.raises(DamagedBlob):
        await export(store, [first.evidence_id], tmp_path / "case")
    assert not (tmp_path / "case").exists()
    assert [f.role for f in (await show(store, first.evidence_id)).files if f.trouble] == ["page"]


async def test_an_encrypted_export_opens_with_the_recipient_s_key_only(
    store: Store, clock: HandClock, tmp_path: Path
) -> None:
    first, _ = await a_case(store, clock)
    owner, stranger = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    to = [str(owner.to_public())]
    out = await export(store, [first.evidence_id], tmp_path / "case", recipients=to)
    assert out == tmp_path / "case.zip.age"
    assert not any(path.exists() for path in (tmp_path / "case", tmp_path / "case.zip"))
    assert not any(unfinished(out, kind).exists() for kind in (".folder", ".zip", ".age"))
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(out.read_bytes(), [stranger])
    plain = pyrage.decrypt(out.read_bytes(), [owner])
    (tmp_path / "case.zip").write_bytes(plain)
    assert check(tmp_path / "case.zip").whole
    (row,) = await store.vault.database.rows("SELECT record FROM record WHERE kind = 'export'")
    facts = json.loads(row["record"])["facts"]
    assert facts["archive_sha256"] == sha256_of(plain)
    assert facts["encrypted_sha256"] == sha256_of(out.read_bytes())
    assert facts["recipients"] == to[0]
    with pytest.raises(CaseRefused):
        await export(store, [first.evidence_id], tmp_path / "other", recipients=["age1nobody"])


async def test_what_an_interrupted_export_left_is_swept(
    store: Store, clock: HandClock, tmp_path: Path
) -> None:
    first, _ = await a_case(store, clock)
    left = unfinished(tmp_path / "case", ".folder")
    left.mkdir()
    (left / "half").write_text("half")
    await export(store, [first.evidence_id], tmp_path / "case")
    assert check(tmp_path / "case").whole
    assert not left.exists()


async def test_contacts_are_masked_unless_asked_for(store: Store, clock: HandClock, tmp_path: Path) -> None:
    first, _ = await a_case(store, clock)
    for unmasked in (False, True):
        out = tmp_path / f"case-{unmasked}"
        await export(store, [first.evidence_id], out, unmasked=unmasked)
        inference = (out / "data/evidence" / first.evidence_id / "inference.json").read_text()
        assert ("yeshi_laowang" in inference) is unmasked
        assert ("yeshi_laowang" in (out / "data/report/report.html").read_text()) is unmasked


async def test_nothing_and_unknown_are_clear_errors(store: Store, clock: HandClock, tmp_path: Path) -> None:
    with pytest.raises(DatabaseTrouble, match="nothing to export"):
        await export(store, [], tmp_path / "case")
    with pytest.raises(DatabaseTrouble, match="no evidence"):
        await export(store, ["abc"], tmp_path / "case")


async def test_a_reader_exports_beside_the_watch(store: Store, clock: HandClock, tmp_path: Path) -> None:
    first, _ = await a_case(store, clock)
    reader = await Store.open_reader(store.folder, clock)
    await export(reader, [first.evidence_id], tmp_path / "case")
    await reader.close()
    clock.tick(60)
    await store.save_progress([Progress(target="market")])
    (row,) = await store.vault.database.rows('SELECT kind FROM leaf ORDER BY "index" DESC LIMIT 1')
    assert row["kind"] == "export"


async def test_a_log_that_was_put_back_is_not_handed_over(clock: HandClock, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with opened(folder, clock) as store:
        first, _ = await a_case(store, clock)
        await checkpoints.sign(store, "test")
    shutil.copy(folder / "nightjar.db", tmp_path / "yesterday.db")
    async with opened(folder, clock) as store:
        await store.log_event("config", {"digest": "x"})
        await checkpoints.sign(store, "test")
    shutil.copy(tmp_path / "yesterday.db", folder / "nightjar.db")
    reader = await Store.open_reader(folder, clock)
    with pytest.raises(RolledBack, match="put back to an earlier state"):
        await export(reader, [first.evidence_id], tmp_path / "case")
    await reader.close()


async def test_show_tells_everything_about_one_piece(store: Store, clock: HandClock) -> None:
    first, last = await a_case(store, clock)
    file = await show(store, first.evidence_id)
    assert file.evidence == await store.evidence(first.evidence_id)
    assert [k.observation for k in file.chain] == [Observation.SEEN, Observation.MISSING]
    assert file.lifetime is not None
    assert file.lifetime.missing_class == "404"
    assert [s.presence for s in file.sightings] == [Presence.GONE_404]
    assert file.verdict is not None
    assert file.item is not None
    assert file.members == (last.evidence_id,)
    assert [(t.kind.value, t.state) for t in file.told] == [("new", "waiting"), ("deleted", "waiting")]
    assert all(f.trouble == "" for f in file.files)
    assert (await show(store, first.evidence_id[:20])).evidence == file.evidence
    for wrong in ("", "01", "zz"):
        with pytest.raises(DatabaseTrouble, match="evidence"):
            await show(store, wrong)


async def test_status_tells_how_targets_and_channels_stand(store: Store, clock: HandClock) -> None:
    await a_case(store, clock)
    await store.save_progress([Progress(target="market", polls=3), Progress(target="quiet")])
    told = await status(store)
    assert [(t.progress.target, t.posts, t.matched) for t in told.targets] == [
        ("market", 1, 1),
        ("quiet", 0, 0),
    ]
    assert [(c.channel, c.waiting, c.delivered) for c in told.channels] == [("chat", 2, 0)]
    assert (told.evidence, told.unjudged, told.items) == (2, 0, 1)
    assert (told.tree_size, told.root) == await store.root()
    assert len(await find(store, text="血料")) == 1

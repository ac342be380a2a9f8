"""The table, the CASE/UCO graph and the encrypted archive of a package."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench._verifiers import VerifierMissingError, debian, environment
from storage.errors import CaseRefused, DiskTrouble
from storage.model import sha256_of
from storage.package import case_uco, encrypt, table
from storage.package.layout import CASE_UCO, TABLE
from storage.store import Store
from tests.package.made import PHONE, package_of
from tests.storage.kit import HandClock, opened


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def store(tmp_path: Path, clock: HandClock) -> AsyncIterator[Store]:
    async with opened(tmp_path / "data", clock) as one:
        yield one


async def test_the_table_has_one_row_for_each_post(store: Store, clock: HandClock, tmp_path: Path) -> None:
    package = await package_of(store, clock, tmp_path)
    table.write_table(tmp_path, package)
    data = (tmp_path / TABLE).read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.endswith(b"\r\n")
    first, second = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
    assert (first["state"], first["interval_s"], first["confirmations"]) == ("vanished", "120", "3")
    assert second["state"] == "up when last seen"
    assert first["text"].startswith("'=cmd")
    assert first["price"] == "'-9,000"
    assert PHONE not in data.decode()
    assert "horn_dealer88" not in data.decode()
    assert len(first["evidence_ids"].split()) == 2


async def test_an_unmasked_table_shows_contacts(store: Store, clock: HandClock, tmp_path: Path) -> None:
    table.write_table(tmp_path, await package_of(store, clock, tmp_path, unmasked=True))
    text = (tmp_path / TABLE).read_text(encoding="utf-8-sig")
    assert PHONE in text
    assert "phone:+8613800138000" in text


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t=", "\r", " =", "＝", "\u200b=", "|", "%", "\n="])
def test_no_cell_begins_as_a_formula(begin: str) -> None:
    assert table.cell(f"{begin}1+1").startswith("'")


@given(st.text())
def test_a_cell_is_never_taken_for_a_formula(text: str) -> None:
    made = table.cell(text)
    assert made.lstrip()[:1] not in ("=", "+", "-", "@")
    row = io.StringIO()
    csv.writer(row, quoting=csv.QUOTE_ALL).writerow([made])
    assert next(csv.reader(io.StringIO(row.getvalue(), newline="")))[0] == made


async def test_the_graph_names_every_look_and_file(store: Store, clock: HandClock, tmp_path: Path) -> None:
    package = await package_of(store, clock, tmp_path)
    nodes = {str(node["@id"]): node for node in case_uco.graph(package)}
    kinds = [str(node["@type"]) for node in nodes.values()]
    assert kinds.count("case-investigation:InvestigativeAction") == len(package.files)
    records = [n for n in nodes.values() if n["@type"] == "case-investigation:ProvenanceRecord"]
    assert {n["case-investigation:exhibitNumber"] for n in records} == {
        file.evidence.evidence_id for file in package.files
    }
    assert any("vanished between 2026-11-24T21:01:00" in str(n["uco-core:description"]) for n in records)
    text = json.dumps(list(nodes.values()))
    assert all(sha256 in text for sha256 in package.originals)
    assert "urgent" not in text
    assert case_uco.graph(package) == case_uco.graph(package)


async def test_case_validate_says_that_the_graph_conforms(
    store: Store, clock: HandClock, tmp_path: Path
) -> None:
    try:
        program = environment().with_name("case_validate")
    except VerifierMissingError as missing:
        pytest.skip(str(missing))
    case_uco.write_case(tmp_path, await package_of(store, clock, tmp_path))
    path = tmp_path / CASE_UCO

    def says(file: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, file], capture_output=True, text=True, check=False, timeout=300)

    assert says(path).returncode == 0, says(path).stdout
    bent = tmp_path / "bent.jsonld"
    bent.write_text(path.read_text().replace('"uco-types:hashValue"', '"uco-types:hashValues"'))
    assert says(bent).returncode != 0


def test_only_the_recipients_can_read_it(tmp_path: Path) -> None:
    ours, theirs, stranger = (pyrage.x25519.Identity.generate() for _ in range(3))
    source, out = tmp_path / "case.zip", tmp_path / "case.zip.age"
    source.write_bytes(b"PK" * 100_000)
    recipients = [str(ours.to_public()), str(theirs.to_public())]
    done = encrypt.encrypt(source, out, recipients)
    assert (done.plain_sha256, done.cipher_sha256) == (
        sha256_of(source.read_bytes()),
        sha256_of(out.read_bytes()),
    )
    assert done.size_bytes == out.stat().st_size
    for identity in (ours, theirs):
        assert pyrage.decrypt(out.read_bytes(), [identity]) == source.read_bytes()
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(out.read_bytes(), [stranger])


def test_the_age_program_decrypts_it(tmp_path: Path) -> None:
    try:
        program = debian("age")
    except VerifierMissingError as missing:
        pytest.skip(str(missing))
    identity = pyrage.x25519.Identity.generate()
    source, out, key = tmp_path / "a.zip", tmp_path / "a.zip.age", tmp_path / "key.txt"
    source.write_bytes(bytes(range(256)) * 900)
    key.write_text(f"{identity}\n")
    done = encrypt.encrypt(source, out, [str(identity.to_public())])

    def age() -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([program, "-d", "-i", key, out], capture_output=True, check=False)

    assert sha256_of(age().stdout) == done.plain_sha256
    data = bytearray(out.read_bytes())
    data[-20] ^= 1
    out.chmod(0o640)
    out.write_bytes(data)
    assert age().returncode != 0


@pytest.mark.parametrize(
    "wrong", [[], ["age1nobody"], ["", "x"], ["AGE-SECRET-KEY-1ABC"], ["age1" + "q" * 9_000]]
)
def test_what_is_no_recipient_is_refused_and_leaves_nothing(tmp_path: Path, wrong: list[str]) -> None:
    (tmp_path / "a.zip").write_bytes(b"a")
    with pytest.raises(CaseRefused) as refused:
        encrypt.encrypt(tmp_path / "a.zip", tmp_path / "b.age", wrong)
    assert len(str(refused.value)) < 200
    assert "SECRET-KEY-1ABC" not in str(refused.value)
    assert not (tmp_path / "b.age").exists()


def test_an_encrypted_archive_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"a")
    (tmp_path / "b.age").write_bytes(b"kept")
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    with pytest.raises(DiskTrouble):
        encrypt.encrypt(tmp_path / "a.zip", tmp_path / "b.age", [recipient])
    assert (tmp_path / "b.age").read_bytes() == b"kept"

"""The checkers of others, one function each: a package in, how many things were checked out.

A checker that does not agree raises DisagreesError with what it said; one that is not to be
had raises VerifierMissingError. Exit codes alone are not trusted: `warcio check` ends with 0
on an archive that is cut, `wacz validate` on one without a page list. What was checked is
counted and held against what is there.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import _replay, _spoils
from bench._harvest import Case
from bench._verifiers import VerifierMissingError, clean_environment, debian, environment
from storage.package import layout

WITHIN_S = 300.0
RFC_8785 = """
import json, pathlib, rfc8785, sys
for name in sys.argv[1:]:
    data = pathlib.Path(name).read_bytes()
    if rfc8785.dumps(json.loads(data)) != data:
        sys.exit(name)
"""


class DisagreesError(Exception):
    """A checker did not agree; the message is what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """One checker. spoils: changes that it must notice, by what they are."""

    name: str
    check: Callable[[Case], int]
    spoils: dict[str, _spoils.Spoil] = field(default_factory=dict)


def ours(*words: str | Path, cwd: Path | None = None, given: bytes = b"") -> str:
    """What a program says, both channels. Raises DisagreesError when it ends with anything but 0."""
    command = [str(word) for word in words]
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=WITHIN_S,
            check=False,
            env=clean_environment(),
        )
    except subprocess.TimeoutExpired:
        raise DisagreesError(f"no answer within {WITHIN_S:.0f} s") from None
    told = done.stdout.decode(errors="replace")
    if done.returncode:
        raise DisagreesError(f"exit {done.returncode}: {told.strip()[-300:]}")
    return told


def stock(program: str) -> str:
    """A program that every system has. Raises VerifierMissingError."""
    found = shutil.which(program)
    if found is None:
        raise VerifierMissingError(program, "it is not on PATH")
    return found


def packaged(program: str) -> Path:
    """A program of the checkers' environment. Raises VerifierMissingError."""
    return environment().parent / program


def held(count: int, wanted: int, what: str) -> int:
    """The count, when it is all there is. Raises DisagreesError."""
    if count != wanted or not count:
        raise DisagreesError(f"{count} of {wanted} {what}")
    return count


# --- the bag ------------------------------------------------------------------------------


def sha256sum(case: Case) -> int:
    """`sha256sum -c` over both lists; every file under data/ must be named."""
    told = ours(stock("sha256sum"), "--strict", "-c", layout.MANIFEST, cwd=case.folder)
    files = sum(path.is_file() for path in (case.folder / "data").rglob("*"))
    ours(stock("sha256sum"), "--strict", "-c", layout.TAGMANIFEST, cwd=case.folder)
    return held(told.count(": OK"), files, "files")


def bagit(case: Case) -> int:
    """`bagit.py --validate`: every file listed, no other file there."""
    told = ours(environment(), packaged("bagit.py"), "--validate", case.folder)
    if "is valid" not in told:
        raise DisagreesError(told[-300:])
    return told.count("Verifying checksum")


# --- signatures ------------------------------------------------------------------------------


def openssl(case: Case) -> int:
    """`openssl pkeyutl -verify -rawin`: the seal, the list of lists, every checkpoint."""
    key = case.folder / layout.KEYS / "daemon.pub.pem"
    pairs = [(case.folder / layout.SEAL, case.folder / layout.SEAL_SIGNATURE)]
    pairs.append((case.folder / layout.TAGMANIFEST, case.folder / layout.SIGNATURES / "tagmanifest.sig"))
    notes = [case.folder / layout.CHECKPOINT, *(case.folder / layout.CHECKPOINTS).iterdir()]
    with TemporaryDirectory(prefix="nightjar-notes-") as name:
        for number, note in enumerate(notes):
            pairs.append(_split(note, Path(name) / str(number)))
        for data, signature in pairs:
            words = (
                "pkeyutl",
                "-verify",
                "-rawin",
                "-pubin",
                "-inkey",
                key,
                "-in",
                data,
                "-sigfile",
                signature,
            )
            ours(stock("openssl"), *words)
    return len(pairs)


def _split(note: Path, stem: Path) -> tuple[Path, Path]:
    """A C2SP note as the text that was signed and the raw signature."""
    text, _, lines = note.read_text().rpartition("\n\n")
    data, signature = stem.with_suffix(".txt"), stem.with_suffix(".sig")
    data.write_text(f"{text}\n")
    signature.write_bytes(base64.b64decode(lines.split()[-1])[4:])
    return data, signature


def ssh_keygen(case: Case) -> int:
    """`ssh-keygen -Y verify` in the namespace `nightjar`."""
    signers, signature = case.folder / layout.KEYS / "allowed_signers", _signature(case, "sshsig")
    words = ("-Y", "verify", "-f", signers, "-I", "nightjar", "-n", "nightjar", "-s", signature)
    ours(stock("ssh-keygen"), *words, given=(case.folder / layout.TAGMANIFEST).read_bytes())
    return 1


def minisign(case: Case) -> int:
    """`minisign -V`."""
    return _verified(case, debian("minisign"), "minisig", "daemon.minisign.pub")


def signify(case: Case) -> int:
    """`signify-openbsd -V`."""
    return _verified(case, debian("signify-openbsd"), "signify", "daemon.signify.pub")


def _verified(case: Case, program: Path, kind: str, key: str) -> int:
    public, signed = case.folder / layout.KEYS / key, case.folder / layout.TAGMANIFEST
    ours(program, "-V", "-p", public, "-x", _signature(case, kind), "-m", signed)
    return 1


def _signature(case: Case, kind: str) -> Path:
    return case.folder / layout.SIGNATURES / f"tagmanifest.{kind}"


def openssl_ts(case: Case) -> int:
    """`openssl ts -verify`: every token over its checkpoint, under the root of its authority."""
    tokens = sorted((case.folder / layout.TIME).glob("*.tsr"))
    for token in tokens:
        size, _, authority = token.stem.partition("-")
        note = case.folder / layout.CHECKPOINTS / size
        root = case.folder / layout.TIME / "roots" / f"{authority}.pem"
        told = ours(stock("openssl"), "ts", "-verify", "-data", note, "-in", token, "-CAfile", root)
        if "Verification: OK" not in told:
            raise DisagreesError(told[-300:])
    return held(len(tokens), len(tokens), "tokens")


# --- the web archive ------------------------------------------------------------------------


def warcio(case: Case) -> int:
    """`warcio check -v`: "digest pass" on every record, no other word."""
    archive = case.folder / layout.WARC
    told = ours(packaged("warcio"), "check", "-v", archive)
    lines = [line.strip() for line in told.splitlines() if line.startswith("    ")]
    if odd := [line for line in lines if line != "digest pass"]:
        raise DisagreesError(odd[0])
    return held(len(lines), _records(archive), "records")


def fastwarc(case: Case) -> int:
    """`fastwarc check`."""
    archive = case.folder / layout.WARC
    told = ours(packaged("fastwarc"), "check", archive)
    verified = [line for line in told.splitlines() if "verified successfully" in line]
    return held(int(verified[-1].split()[0]) if verified else 0, _records(archive), "records")


def gzip(case: Case) -> int:
    """`gzip -t`."""
    ours(stock("gzip"), "-t", case.folder / layout.WARC)
    return 1


def _records(archive: Path) -> int:
    return sum(1 for _ in _spoils.members(archive.read_bytes()))


def wacz(case: Case) -> int:
    """`wacz validate`, and what it does not look at: a page for every look."""
    archive = case.folder / layout.WACZ
    told = ours(packaged("wacz"), "validate", "-f", archive)
    if "Validation succeeded" not in told:
        raise DisagreesError(told[-300:])
    with zipfile.ZipFile(archive) as parts:
        lines = parts.read("pages/pages.jsonl").decode().splitlines()[1:]
    manifests = (case.folder / layout.EVIDENCE).glob("*/manifest.json")
    looks = {path.parent.name for path in manifests if json.loads(path.read_text())["exchanges"]}
    return held(len(looks & {json.loads(line)["id"] for line in lines}), len(looks), "looks as pages")


def pywb(case: Case) -> int:
    """What pywb replays of every answer is the body that its manifest names by hash."""
    try:
        return _replay.agreed(case.folder, packaged)
    except _replay.OtherBytesError as error:
        raise DisagreesError(str(error)) from error


# --- documents ------------------------------------------------------------------------------


def rfc8785(case: Case) -> int:
    """Manifests are canonical JSON by another's rules."""
    manifests = sorted((case.folder / layout.EVIDENCE).glob("*/manifest.json"))
    ours(environment(), "-c", RFC_8785, *manifests)
    return len(manifests)


def case_uco(case: Case) -> int:
    """`case_validate` on the CASE/UCO graph."""
    told = ours(packaged("case_validate"), case.folder / layout.CASE_UCO)
    if "Conforms: True" not in told:
        raise DisagreesError(told[-300:])
    return len(json.loads((case.folder / layout.CASE_UCO).read_text())["@graph"])


def age(case: Case) -> int:
    """`age -d`; then what came out is checked with sha256sum."""
    with _decrypted(case) as folder:
        told = ours(stock("sha256sum"), "--strict", "-c", layout.MANIFEST, cwd=folder)
        return told.count(": OK")


@contextmanager
def _decrypted(case: Case) -> Iterator[Path]:
    with TemporaryDirectory(prefix="nightjar-age-") as name:
        plain = Path(name) / "night.zip"
        ours(debian("age"), "-d", "-i", case.identity, "-o", plain, case.sealed)
        with zipfile.ZipFile(plain) as archive:
            archive.extractall(Path(name) / "night")
        yield Path(name) / "night"


STRANGERS = (
    Stranger(
        name="sha256sum",
        check=sha256sum,
        spoils={"an original": _spoils.original, "a file gone": _spoils.missing},
    ),
    Stranger(
        name="bagit.py",
        check=bagit,
        spoils={
            "an original": _spoils.original,
            "a file gone": _spoils.missing,
            "one more file": _spoils.extra,
        },
    ),
    Stranger(
        name="openssl pkeyutl",
        check=openssl,
        spoils={
            "the seal": _spoils.byte_of(layout.SEAL),
            "the list": _spoils.byte_of(layout.TAGMANIFEST),
            "a checkpoint": _spoils.stamped,
            "another key": _spoils.other_key,
        },
    ),
    *[
        Stranger(
            name=name,
            check=check,
            spoils={"the list": _spoils.byte_of(layout.TAGMANIFEST), "another key": _spoils.other_key},
        )
        for name, check in (("ssh-keygen", ssh_keygen), ("minisign", minisign), ("signify-openbsd", signify))
    ],
    Stranger(
        name="openssl ts",
        check=openssl_ts,
        spoils={
            "a checkpoint": _spoils.stamped,
            "an old token": _spoils.replayed,
            "a foreign root": _spoils.foreign,
        },
    ),
    Stranger(name="warcio", check=warcio, spoils={"a body": _spoils.payload, "its end": _spoils.cut}),
    Stranger(name="fastwarc", check=fastwarc, spoils={"a body": _spoils.payload, "its end": _spoils.cut}),
    Stranger(name="gzip", check=gzip, spoils={"a bit": _spoils.byte_of(layout.WARC), "its end": _spoils.cut}),
    Stranger(
        name="wacz", check=wacz, spoils={"a page": _spoils.pages, "its archive": _spoils.archive_in_wacz}
    ),
    Stranger(name="pywb", check=pywb, spoils={"a body": _spoils.payload}),
    Stranger(name="rfc8785", check=rfc8785, spoils={"a space": _spoils.spaced}),
    Stranger(
        name="case_validate",
        check=case_uco,
        spoils={"a hash as text": _spoils.hash_as_text, "no hash method": _spoils.no_method},
    ),
    Stranger(
        name="age",
        check=age,
        spoils={"a bit": _spoils.sealed_byte, "another identity": _spoils.other_identity},
    ),
)

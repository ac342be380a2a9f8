"""What an export is made of: the value that every part of a package is written from, and where files go.

A part is a function `write_NAME(work: Path, package: Package) -> None`. It runs in a worker
thread, adds files below `work / "data"` at the paths named here, makes the folders that it
needs, and neither hashes, seals nor fsyncs: that is done once, for all, after the last part.
The originals, manifests, proofs and the log lie in `work` before the first part is called.
A part raises OSError (disk) or a StoreError, nothing else. The parts, in the order they are called:

    table.write_table      data/case/posts.csv
    case_uco.write_case    data/case/case.jsonld
    warc.write_warc        data/warc/nightjar.warc.gz
    wacz.write_wacz        data/wacz/nightjar.wacz (from the WARC)
    report.write_report    data/report/report.html

and, after the package is whole, `encrypt.encrypt(source: Path, out: Path, recipients)`: one age file.
data/case/case.json and everything else is written by write.py.

The form of the whole is described in docs/evidence.md. Not here: gathering (gather.py) and
writing (write.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from storage.cases import Case
from storage.dossier import Casefile

VERSION = 1
BAGIT, BAG_INFO = "bagit.txt", "bag-info.txt"
MANIFEST, TAGMANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"
SEAL, SEAL_SIGNATURE = "seal.txt", "seal.sig"
README, SCRIPT = "README.txt", "verify.sh"
SIGNATURES = "signatures"

FILES, EVIDENCE, TARGETS = "data/files", "data/evidence", "data/targets"
CHECKPOINT, CHECKPOINTS = "data/log/checkpoint", "data/log/checkpoints"
CONSISTENCY, ENTRIES, LEAVES = "data/log/consistency", "data/log/entries.jsonl", "data/log/leaves.txt"
TIME, KEYS = "data/time", "data/keys"
WARC, WACZ = "data/warc/nightjar.warc.gz", "data/wacz/nightjar.wacz"
REPORT = "data/report/report.html"
CASE_JSON, CASE_UCO, TABLE = "data/case/case.json", "data/case/case.jsonld", "data/case/posts.csv"
SCHEMA = "data/schema/manifest.schema.json"
PAYLOAD = re.compile(
    r"data/(files/[0-9a-f]{64}([.][a-z0-9]{1,8})?|targets/[0-9a-f]{64}[.]json"
    r"|evidence/[0-9a-f]{32}/((entry|inference|manifest|watch)[.]json|proof[.]tlog)"
    r"|log/(checkpoint|leaves[.]txt|entries[.]jsonl)"
    r"|log/(checkpoints/[1-9][0-9]{0,14}|consistency/[1-9][0-9]{0,14}-[1-9][0-9]{0,14})"
    r"|time/(status[.]json|[0-9]{1,15}-[^/]+[.]ts[qr]|roots/[^/]+[.]pem)"
    r"|keys/(allowed_signers|daemon[.](minisign|signify)[.]pub)"
    r"|keys/(old/[0-9]+/)?(daemon[.]pub[.]pem|admin[.]pub[.]pem|certificate[.]note)"
    r"|case/(case[.]json(ld)?|posts[.]csv)|warc/nightjar[.]warc[.]gz|wacz/nightjar[.]wacz"
    r"|report/report[.]html|schema/[a-z.-]+[.]json)",
    re.ASCII,
)
"""Every name that a file below data/ can have, in packages of all versions so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """Who handed over, when and why. Empty texts: not given. recipients: age public keys.

    unmasked: contacts are shown in report, table and inference; originals are as received either way.
    """

    exported_at: datetime
    software: str
    officer: str = ""
    why: str = ""
    legal_basis: str = ""
    case: str = ""
    recipients: tuple[str, ...] = ()
    unmasked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """An original in the package: data/files/<sha256><.ext>, relative to its top."""

    sha256: str
    size_bytes: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The place of one entry in the log. path: RFC 6962 audit path from the leaf up, 32 bytes each."""

    index: int
    leaf_hash: str
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An RFC 3161 exchange over a checkpoint note. state: waiting, whole, refused.

    request, response: DER, the response whole as received (b"" while none came).
    """

    size: int
    authority: str
    state: str
    asked_at: datetime | None
    received_at: datetime | None
    request: bytes = b""
    response: bytes = b""
    why: str = ""

    @property
    def stem(self) -> str:
        """Its file name without ending, below `TIME`."""
        return f"{self.size}-{self.authority}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OldKey:
    """A daemon key that was replaced. number: as in keys/old/<number>.

    certificate, admin_pem: the note and the key that made it, "" when there was none.
    """

    number: str
    pem: str
    certificate: str = ""
    admin_pem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys that a reader needs, all public. certificate, admin_pem: "" when not certified."""

    name: str
    public: bytes
    fingerprint: str
    certificate: str = ""
    admin_pem: str = ""
    old: tuple[OldKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """Everything that is handed over, as values.

    files: by evidence id, oldest first. proofs: by evidence id. originals: by SHA-256, all but
    manifests. checkpoint: the note that all proofs lead to, of `size` leaves; checkpoints: earlier
    and equal ones by size. leaves: every leaf hash, 0..size-1. entries: (index, exact text) of
    those that may be shown. roots: PEM of the trusted root(s) by authority name. cases: those
    that were exported, with their history; `cases.document` gives them for `CASE_JSON`. targets: the
    text of each target in force at a look, by the SHA-256 that its manifest names.
    """

    meta: Meta
    origin: str
    keys: Keys
    size: int
    root: str
    checkpoint: str
    files: tuple[Casefile, ...]
    proofs: Mapping[str, Proof]
    originals: Mapping[str, Original]
    leaves: tuple[bytes, ...]
    entries: tuple[tuple[int, str], ...] = ()
    checkpoints: Mapping[int, str] = field(default_factory=dict)
    tokens: tuple[Token, ...] = ()
    roots: Mapping[str, str] = field(default_factory=dict)
    cases: tuple[Case, ...] = ()
    targets: Mapping[str, str] = field(default_factory=dict)

    def original(self, work: Path, sha256: str) -> bytes:
        """The bytes of an original, read from the package being written. Raises KeyError, OSError."""
        return (work / self.originals[sha256].path).read_bytes()

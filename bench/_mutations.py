"""Single mutations of an exported package: blunt ones of any file, and sly ones that are sealed again.

A sly mutant is made by somebody who holds the daemon's key: lists, signatures and seal fit, so
only what the evidence, the log and the time stamps say about each other can give it away.
Each mutation changes the folder and says what it did, or gives "" when it does not apply.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench._specimen import Specimen
from storage import keys, notes
from storage.keys import Signer
from storage.package import bagit, layout
from storage.signatures import allowed_signers, minisign_public, pem, signify_public

Mutation = Callable[[Path, Specimen, random.Random], str]


def every(folder: Path) -> list[str]:
    """The names of all files, sorted."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def put(path: Path, data: bytes) -> None:
    """Replace a file, which may be a hard link of the untouched one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def reseal(folder: Path, signer: Signer) -> None:
    """Lists, detached signatures and seal anew, as an export makes them."""
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in every(folder)}
    put(
        folder / layout.MANIFEST, bagit.listing(hashes, [n for n in hashes if n.startswith("data/")]).encode()
    )
    hashes[layout.MANIFEST] = hashlib.sha256((folder / layout.MANIFEST).read_bytes()).hexdigest()
    tags = (layout.BAGIT, layout.BAG_INFO, layout.MANIFEST, layout.README, layout.SCRIPT)
    listed = bagit.listing(hashes, tags).encode()
    put(folder / layout.TAGMANIFEST, listed)
    for name, data in bagit.signed(listed, signer).items():
        put(folder / name, data)
    sealed = {
        n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in (layout.TAGMANIFEST, *bagit.SIGNED)
    }
    head = (folder / layout.SEAL).read_text().splitlines()[:4]
    seal = "".join(f"{line}\n" for line in (*head, f"key {signer.fingerprint}"))
    seal += bagit.listing(sealed, sealed)
    put(folder / layout.SEAL, seal.encode())
    put(folder / layout.SEAL_SIGNATURE, signer.sign(seal.encode()))


def oxum(folder: Path) -> None:
    """Payload-Oxum as the folder now is."""
    sizes = [(folder / name).stat().st_size for name in every(folder) if name.startswith("data/")]
    info = (folder / layout.BAG_INFO).read_text()
    put(
        folder / layout.BAG_INFO,
        re.sub(r"Payload-Oxum: .*", f"Payload-Oxum: {sum(sizes)}.{len(sizes)}", info).encode(),
    )


# --- blunt ------------------------------------------------------------------------------


def flip(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """One bit of one file."""
    name = chosen.choice([n for n in every(folder) if (folder / n).stat().st_size])
    put(folder / name, _flipped((folder / name).read_bytes(), chosen))
    return f"bit flipped in {name}"


def _flipped(data: bytes, chosen: random.Random) -> bytes:
    spoiled = bytearray(data)
    spoiled[chosen.randrange(len(data))] ^= 1 << chosen.randrange(8)
    return bytes(spoiled)


def truncate(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """Some bytes less at the end of a file."""
    name = chosen.choice([n for n in every(folder) if (folder / n).stat().st_size])
    data = (folder / name).read_bytes()
    put(folder / name, data[: -chosen.randint(1, len(data))])
    return f"{name} truncated"


def append(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """A byte more at the end."""
    name = chosen.choice(every(folder))
    put(folder / name, (folder / name).read_bytes() + chosen.choice((b"\n", b" ", b"\0", b"x")))
    return f"{name} longer"


def delete(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """A file less."""
    name = chosen.choice(every(folder))
    (folder / name).unlink()
    return f"{name} deleted"


def swap(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """The contents of two files exchanged."""
    names = every(folder)
    one, two = chosen.sample(names, 2)
    first, second = (folder / one).read_bytes(), (folder / two).read_bytes()
    put(folder / one, second)
    put(folder / two, first)
    return "" if first == second else f"{one} and {two} exchanged"


def reorder(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """Two lines of a text exchanged."""
    texts = [n for n in every(folder) if n.endswith((".txt", ".jsonl", ".tlog", ".sh", ".csv", ".json"))]
    name = chosen.choice(texts)
    lines = (folder / name).read_bytes().splitlines(keepends=True)
    if len(lines) < 2:
        return ""
    at, to = chosen.sample(range(len(lines)), 2)
    same = lines[at] == lines[to]
    lines[at], lines[to] = lines[to], lines[at]
    put(folder / name, b"".join(lines))
    return "" if same else f"lines of {name} exchanged"


def extra(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """A file more."""
    name = chosen.choice(
        ("data/extra.txt", "extra", "data/files/more", "signatures/x", ".hidden", "data/log/x")
    )
    put(folder / name, b"smuggled")
    return f"{name} added"


def link(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """A file replaced by a link to the same bytes elsewhere."""
    name = chosen.choice(every(folder))
    (folder / name).rename(folder.with_name(f"{folder.name}-moved"))
    (folder / name).symlink_to(folder.with_name(f"{folder.name}-moved"))
    return f"{name} is a link"


def field(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """One digit of a head field changed."""
    name = chosen.choice(
        (layout.SEAL, layout.BAG_INFO, layout.BAGIT, layout.CHECKPOINT, "data/case/case.json")
    )
    text = (folder / name).read_text()
    at = chosen.choice([m.start() for m in re.finditer(r"[0-9]", text)])
    put(folder / name, (text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :]).encode())
    return f"a digit of {name} changed"


# --- by another key -----------------------------------------------------------------------


def another_key(folder: Path, specimen: Specimen, _: random.Random) -> str:
    """Everything signed again by a key of somebody else, without a certificate."""
    signer = Signer.of(Ed25519PrivateKey.generate(), specimen.signer.name)
    _take_over(folder, specimen, signer)
    for name in (keys.CERTIFICATE, keys.ADMIN):
        (folder / layout.KEYS / name).unlink()
    oxum(folder)
    reseal(folder, signer)
    return "signed again by another key"


def another_admin(folder: Path, specimen: Specimen, _: random.Random) -> str:
    """Everything signed again by a key of somebody else, certified by an admin of his own."""
    signer = Signer.of(Ed25519PrivateKey.generate(), specimen.signer.name)
    admin = Signer.of(Ed25519PrivateKey.generate(), keys.ADMIN_NAME)
    _take_over(folder, specimen, signer)
    origin = specimen.signer.name.removeprefix("nightjar-")
    at = notes.time_of((folder / layout.SEAL).read_text().splitlines()[2].split(" ")[1])
    text = keys.certificate_text(origin, signer.public, at)
    put(folder / layout.KEYS / keys.CERTIFICATE, notes.sign_note(text, admin).encode())
    put(folder / layout.KEYS / keys.ADMIN, pem(admin.public).encode())
    oxum(folder)
    reseal(folder, signer)
    return "signed again by another key with another admin"


def _take_over(folder: Path, specimen: Specimen, signer: Signer) -> None:
    """The public keys and all notes, by the new key."""
    for name, text in (
        ("daemon.pub.pem", pem(signer.public)),
        ("daemon.minisign.pub", minisign_public(signer.public)),
        ("daemon.signify.pub", signify_public(signer.public)),
        ("allowed_signers", allowed_signers(signer.public)),
    ):
        put(folder / layout.KEYS / name, text.encode())
    old = (folder / layout.CHECKPOINT).read_text()
    new = notes.sign_note(notes.open_note(old, specimen.signer.name, specimen.signer.public), signer)
    put(folder / layout.CHECKPOINT, new.encode())
    for proof in folder.glob(f"{layout.EVIDENCE}/*/proof.tlog"):
        put(proof, proof.read_text().replace(old, new).encode())


# --- sly: sealed again with the true key ----------------------------------------------------


def sly(change: Mutation) -> Mutation:
    """The change, then everything sealed again with the daemon's own key."""

    def changed(folder: Path, specimen: Specimen, chosen: random.Random) -> str:
        done = change(folder, specimen, chosen)
        if done:
            oxum(folder)
            reseal(folder, specimen.signer)
        return done and f"sealed again: {done}"

    return changed


def chained(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """A bit of a file that the log or a signature answers for."""
    patterns = ("evidence/*/manifest.json", "evidence/*/entry.json", "evidence/*/proof.tlog", "files/*")
    more = ("log/leaves.txt", "log/checkpoint", "log/checkpoints/*", "log/consistency/*", "log/entries.jsonl")
    pattern = chosen.choice((*patterns, *more, "time/*.tsr", "keys/certificate.note", "keys/*.pem"))
    found = sorted(p for p in (folder / "data").glob(pattern) if p.is_file())
    path = chosen.choice(found)
    data = path.read_bytes()
    if path.suffix == ".tsr":  # what surrounds the signed parts of DER is nobody's statement
        put(path, data[:-5] + bytes([data[-5] ^ 1]) + data[-4:])
    else:
        put(path, _flipped(data, chosen))
    return f"bit flipped in {path.relative_to(folder)}"


def cut(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """A chained file cut at its end."""
    patterns = ("evidence/*/*.json", "evidence/*/proof.tlog", "files/*", "log/leaves.txt", "log/checkpoint")
    found = sorted(
        p for p in (folder / "data").glob(chosen.choice((*patterns, "time/*.tsr", "warc/*"))) if p.is_file()
    )
    found = [p for p in found if p.name not in {"watch.json", "inference.json"}]
    path = chosen.choice(found)
    put(path, path.read_bytes()[: -chosen.randint(1, 40)])
    return f"{path.relative_to(folder)} cut"


def gone(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """A file that must be there removed."""
    patterns = (
        "evidence/*/*",
        "files/*",
        "log/leaves.txt",
        "log/checkpoints/*",
        "log/consistency/*",
        "time/*.ts?",
    )
    found = sorted(
        (folder / "data").glob(chosen.choice((*patterns, "log/entries.jsonl", "time/status.json")))
    )
    path = chosen.choice(found)
    path.unlink()
    return f"{path.relative_to(folder)} removed"


def foreign_original(folder: Path, _: Specimen, __: random.Random) -> str:
    """An original that no manifest names, under its right name."""
    data = b"planted"
    put(folder / layout.FILES / f"{hashlib.sha256(data).hexdigest()}.bin", data)
    return "an original planted"


def rewritten(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """A manifest with another price and an entry that fits it, which the log does not know."""
    one = chosen.choice(sorted((folder / layout.EVIDENCE).iterdir()))
    told = json.loads((one / "manifest.json").read_bytes())
    told["post"]["price"] = "1"
    data = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    old = hashlib.sha256((one / "manifest.json").read_bytes()).hexdigest()
    put(one / "manifest.json", data)
    entry = (one / "entry.json").read_text().replace(old, hashlib.sha256(data).hexdigest())
    put(one / "entry.json", entry.encode())
    return f"manifest and entry of {one.name} rewritten"


def other_proof(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """The proofs of two pieces exchanged."""
    one, two = chosen.sample(sorted((folder / layout.EVIDENCE).iterdir()), 2)
    first, second = (one / "proof.tlog").read_bytes(), (two / "proof.tlog").read_bytes()
    put(one / "proof.tlog", second)
    put(two / "proof.tlog", first)
    return f"proofs of {one.name} and {two.name} exchanged"


def leaves(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """Leaves exchanged, left out or doubled."""
    lines = (folder / layout.LEAVES).read_text().splitlines(keepends=True)
    at, to = chosen.sample(range(len(lines)), 2)
    how = chosen.choice(("exchanged", "left out", "doubled"))
    if how == "exchanged":
        lines[at], lines[to] = lines[to], lines[at]
    elif how == "left out":
        del lines[at]
    else:
        lines.insert(at, lines[at])
    put(folder / layout.LEAVES, "".join(lines).encode())
    return f"leaves {how}"


def entries(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """Entries of the log in another order, or at another place."""
    lines = (folder / layout.ENTRIES).read_text().splitlines(keepends=True)
    at, to = chosen.sample(range(len(lines)), 2)
    if chosen.random() < 0.5:
        lines[at], lines[to] = lines[to], lines[at]
    else:
        lines[at] = re.sub(r"^\{\"index\":\d+", '{"index":' + str(chosen.randrange(10_000)), lines[at])
    put(folder / layout.ENTRIES, "".join(lines).encode())
    return "entries of the log moved"


def earlier_state(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """The checkpoint replaced by an earlier one, truly signed."""
    old = chosen.choice(sorted((folder / layout.CHECKPOINTS).iterdir()))
    put(folder / layout.CHECKPOINT, old.read_bytes())
    return f"checkpoint replaced by that of {old.name}"


def other_history(folder: Path, specimen: Specimen, chosen: random.Random) -> str:
    """An earlier state with another root, truly signed: two histories under one key."""
    path = chosen.choice(sorted((folder / layout.CHECKPOINTS).iterdir()))
    lines = path.read_text().split("\n")
    lines[2] = base64.b64encode(chosen.randbytes(32)).decode()
    put(path, notes.sign_note("\n".join(lines[:4]) + "\n", specimen.signer).encode())
    return f"the state of {path.name} has another root"


def foreign_token(folder: Path, specimen: Specimen, _: random.Random) -> str:
    """A token by another authority of the same name, its own root embedded and put into the package."""
    path = max((folder / layout.TIME).glob("*-second-tsa.tsr"), key=lambda p: int(p.name.split("-")[0]))
    put(path, specimen.foreign)
    put(folder / layout.TIME / "roots" / "second-tsa.pem", specimen.foreign_root.read_bytes())
    return f"{path.name} by a foreign authority"


def replayed(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """A token that belongs to another checkpoint, with or without its request."""
    stems = sorted((folder / layout.TIME).glob("*-first-tsa.tsr"), key=lambda p: int(p.name.split("-")[0]))
    old, new = stems[0], stems[-1]
    put(new, old.read_bytes())
    if chosen.random() < 0.5:
        put(new.with_suffix(".tsq"), old.with_suffix(".tsq").read_bytes())
    return f"{old.name} replayed as {new.name}"


def other_request(folder: Path, _: Specimen, __: random.Random) -> str:
    """The request of one token put beside another's response."""
    one, two = sorted((folder / layout.TIME).glob("*.tsq"))[:2]
    put(one, two.read_bytes())
    return f"{one.name} is the request of another"


def other_log(folder: Path, specimen: Specimen, chosen: random.Random) -> str:
    """The checkpoint signed again by a key that is not the daemon's."""
    signer = Signer.of(Ed25519PrivateKey.generate(), specimen.signer.name)
    path = chosen.choice((folder / layout.CHECKPOINT, *sorted((folder / layout.CHECKPOINTS).iterdir())))
    put(path, notes.sign_note(notes.split_note(path.read_text())[0], signer).encode())
    return f"{path.name} signed by another key"


def bag(folder: Path, specimen: Specimen, chosen: random.Random) -> str:
    """What BagIt declares does not fit; sealed again here, since the oxum must stay wrong."""
    name = chosen.choice((layout.BAGIT, layout.BAG_INFO))
    text = (folder / name).read_text()
    spoiled = text.replace("1.0", "9.9") if name == layout.BAGIT else re.sub(r"(Oxum: )", r"\g<1>1", text)
    put(folder / name, spoiled.encode())
    reseal(folder, specimen.signer)
    return f"sealed again: {name} declares something else"


BLUNT = (flip, flip, truncate, append, delete, swap, reorder, extra, link, field)
KEYS = (another_key, another_admin)
SLY = (
    *map(
        sly, (chained, chained, chained, cut, gone, foreign_original, rewritten, other_proof, leaves, entries)
    ),
    *map(sly, (earlier_state, other_history, foreign_token, replayed, other_request, other_log)),
    bag,
)

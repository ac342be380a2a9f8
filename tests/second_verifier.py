"""A second verifier of packages, written from docs/evidence.md alone. The first thing that is wrong ends it.

python second_verifier.py PACKAGE [ADMIN [KEY [ROOTS_FOLDER]]]   See also second_verifier_frauds.py."""

import json
import re
import sys
from base64 import b64decode, b64encode
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from subprocess import run

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

SEAL = "nightjar-package 1\norigin ([0-9a-f]{32})\nexported-at (.+Z)\ncheckpoint (.+\n)key (.+)\n((?s:.+))"
FIVE = ["entry.json", "inference.json", "manifest.json", "proof.tlog", "watch.json"]


def need(condition, what):
    if not condition:
        sys.exit(f"NOT WHOLE: {what}")


def under(folder):
    return {name[len(folder) :]: data for name, data in files.items() if name.startswith(folder)}


def based(*hashes):
    return "".join(f"{b64encode(one).decode()}\n" for one in hashes)


def tree(leaves, at=0):  # RFC 6962, 2.1: the root, and the audit path of one leaf
    if len(leaves) == 1:
        return leaves[0], []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    left, in_left = tree(leaves[:k], at)
    right, in_right = tree(leaves[k:], at - k)
    return sha256(b"\x01" + left + right).digest(), [*in_left, right] if at < k else [*in_right, left]


def check_note(note, name, keys, begins):  # section 4.1; it says what it begins with, and a time
    text, _, lines = note.decode().rpartition("\n\n")
    need(re.fullmatch(re.escape(begins) + "[0-9T:.-]{26}Z", text), f"what a note by {name} says")
    marks = {sha256(name.encode() + b"\n\x01" + key.public_bytes_raw()).digest()[:4]: key for key in keys}
    raws = [b64decode(code) for code in re.findall(f"\u2014 {name} (.+)\n", lines)]
    mine = [raw for raw in raws if raw[:4] in marks and f" {based(raw)}" in lines]
    need(mine, f"a note is not signed by {name}")
    for raw in mine:
        marks[raw[:4]].verify(raw[4:], f"{text}\n".encode())


sys.excepthook = lambda kind, fault, _: sys.stderr.write(f"NOT WHOLE: {kind.__name__}: {fault}\n")
top, admin, pinned, roots = [*sys.argv[1:], "", "", ""][:4]
paths = list(Path(top).rglob("*"))
need(not any(path.is_symlink() or not (path.is_file() or any(path.iterdir())) for path in paths), "a link")
files = {path.relative_to(top).as_posix(): path.read_bytes() for path in paths if path.is_file()}
keys, prints = {}, {"": ""}
for name in sorted(name for name in files if name.endswith(".pub.pem")):
    keys[name], pem = load_pem_public_key(files[name]), (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    prints[name] = sha256(keys[name].public_bytes_raw()).hexdigest()
    need(keys[name].public_bytes(*pem) == files[name], f"the form of {name}")
# The seal names the root of all leaves, the key, and by three lists every file.
leaves = [bytes.fromhex(line) for line in files["data/log/leaves.txt"].decode().split()]
size, root, daemon = len(leaves), based(tree(leaves)[0]), keys["data/keys/daemon.pub.pem"]
origin, sealed_at, state, signer, listed = re.fullmatch(SEAL, files["seal.txt"].decode()).groups()
need((state, prints["data/keys/daemon.pub.pem"]) == (f"{size} {root}", signer), "another log or key")
need(files["data/log/leaves.txt"].decode() == "".join(f"{leaf.hex()}\n" for leaf in leaves), "leaves.txt")
daemon.verify(files["seal.sig"], files["seal.txt"])
daemon.verify(files["signatures/tagmanifest.sig"], files["tagmanifest-sha256.txt"])
lists = files["manifest-sha256.txt"].decode() + files["tagmanifest-sha256.txt"].decode() + listed
there = [f"{sha256(files[name]).hexdigest()}  {name}\n" for name in {*files} - {"seal.txt", "seal.sig"}]
need(sorted(lists.splitlines(keepends=True)) == sorted(there), "the files are not those listed")
oxum = f"Payload-Oxum: {sum(map(len, under('data/').values()))}.{len(under('data/'))}"
need(oxum in files["bag-info.txt"].decode().splitlines(), "bag-info.txt")
need(files["bagit.txt"] == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n", "bagit.txt")
# The key is certified by an admin's; one of both is known from elsewhere.
log, text, boss = f"nightjar-{origin}", based(daemon.public_bytes_raw()), ""
if "data/keys/certificate.note" in files:
    boss = "data/keys/admin.pub.pem"
    text = f"nightjar key certificate v1\norigin {origin}\nname {log}\ned25519 {text}from "
    check_note(files["data/keys/certificate.note"], "nightjar-admin", [keys[boss]], text)
need(admin in ("", prints[boss]) and pinned in ("", signer), "another key")
# The log: its checkpoint, the entries that are shown, the earlier states that it grew from.
check_note(files["data/log/checkpoint"], log, [daemon], f"{log}\n{size}\n{root}time ")
shown = [json.loads(line) for line in files["data/log/entries.jsonl"].splitlines()]
places = [one["index"] for one in shown]
need(places == sorted({*places}) and places[0] >= 0, "the order of entries")
need(all(leaves[one["index"]] == sha256(b"\0" + one["entry"].encode()).digest() for one in shown), "an entry")
keyed = str([one["entry"] for one in shown if '"kind":"key"' in one["entry"]])  # they name the old keys
old = [key for name, key in keys.items() if name.endswith("/daemon.pub.pem") and prints[name] in keyed]
proofs = {}
for name, note in under("data/log/checkpoints/").items():
    m, last = int(name), int(name) & -int(name)  # 2.1.2: the last perfect tree of the first m, then its path
    need(m <= size, "a state that is larger than the log")
    check_note(note, log, [daemon, *old], f"{log}\n{m}\n{based(tree(leaves[:m])[0])}time ")
    node = [tree(leaves[m - last : m])[0]] if last < m else []
    steps = based(*node, *tree(leaves, m - 1)[1][last.bit_length() - 1 :])
    proofs |= {f"{m}-{size}": f"nightjar-consistency {m} {size}\n{steps}".encode()} if m < size else {}
need(under("data/log/consistency/") == proofs, "a proof of consistency")
# The evidence: manifests that name all originals, entries that name manifests, proofs of entries.
pieces, named = under("data/evidence/"), set()
ids = sorted({name[:32] for name in pieces})
need(ids and sorted(pieces) == [f"{one}/{name}" for one in ids for name in FIVE], "the five files")
for one in ids:
    manifest, entry = pieces[f"{one}/manifest.json"], pieces[f"{one}/entry.json"]
    told, at = json.loads(manifest), leaves.index(sha256(b"\0" + entry).digest())
    need(told["format"] == "nightjar-evidence" and told["version"] in (1, 2), f"the version of {one}")
    need((told["evidence_id"], told["origin"]) == (one, origin), f"the manifest of {one}")
    own = {"kind": "evidence", "evidence_id": one, "manifest_sha256": sha256(manifest).hexdigest()}
    need(own.items() <= json.loads(entry).items(), f"the entry of {one}")
    named |= {(file["sha256"], file["sha256"], file["size_bytes"]) for file in told["files"]}
    proof = f"c2sp.org/tlog-proof@v1\nindex {at}\n{based(*tree(leaves, at)[1])}\n".encode()
    need(pieces[f"{one}/proof.tlog"] == proof + files["data/log/checkpoint"], f"the proof of {one}")
originals = under("data/files/").items()
need(named == {(name[:64], sha256(data).hexdigest(), len(data)) for name, data in originals}, "the originals")
# Time: each token is over its checkpoint and answers its request. At last, the archive.
status = json.loads(files["data/time/status.json"])["tokens"]
tokens = {f"{one['size']}-{one['authority']}" for one in status if one["state"] == "whole"}
need({name[:-4] for name in under("data/time/") if name.endswith((".tsq", ".tsr"))} == tokens, "status.json")
for stem in tokens:
    m, authority = stem.split("-", 1)
    own = Path(roots or f"{top}/data/time/roots", f"{authority}.pem")
    pems = b"\n".join(pem.read_bytes() for pem in ([own] if own.is_file() else own.parent.glob("*.pem")))
    at = re.search(rb"\x18.(\d{14})", files[f"data/time/{stem}.tsr"])[1].decode()  # its own time, in DER
    at_s = datetime.strptime(f"{at}+0000", "%Y%m%d%H%M%S%z").timestamp()
    ask = f"openssl ts -verify -CAfile /dev/stdin -attime {at_s:.0f} -in data/time/{stem}.tsr".split()
    for over in ["-data", f"data/log/checkpoints/{m}"], ["-queryfile", f"data/time/{stem}.tsq"]:
        run([*ask, *over], input=pems, cwd=top, capture_output=True, check=True)
if "data/warc/nightjar.warc.gz" in files:
    run(["gzip", "-tv", "data/warc/nightjar.warc.gz"], cwd=top, capture_output=True, check=True)
sys.stdout.write(f"whole: {len(ids)} pieces in a log of {size} entries, {len(tokens)} timestamps\n")

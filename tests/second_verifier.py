"""A second verifier of packages, written from docs/evidence.md alone: standard library and openssl.

python second_verifier.py PACKAGE [ADMIN [KEY [ROOTS_FOLDER]]]   The first thing that is wrong ends it."""

import gzip
import json
import re
import subprocess
import sys
import tempfile
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path

FIVE = ["entry.json", "inference.json", "manifest.json", "proof.tlog", "watch.json"]
ED25519 = "pkeyutl -verify -rawin -pubin -keyform DER"


def need(condition, what):
    if not condition:
        sys.exit(f"NOT WHOLE: {what}")


def under(folder):
    return {name[len(folder) :]: data for name, data in files.items() if name.startswith(folder)}


def based(hashes):
    return "".join(f"{b64encode(one).decode()}\n" for one in hashes)


def tree(leaves, at=0):  # RFC 6962, 2.1: the root, and the audit path of one leaf
    if len(leaves) == 1:
        return leaves[0], []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    left, in_left = tree(leaves[:k], at)
    right, in_right = tree(leaves[k:], at - k)
    return sha256(b"\x01" + left + right).digest(), [*in_left, right] if at < k else [*in_right, left]


def openssl(command, **inputs):
    with tempfile.TemporaryDirectory() as folder:
        words = ["openssl", *command.split()]
        for option, data in inputs.items():
            Path(folder, option).write_bytes(data)
            words += [f"-{option.strip('_')}", f"{folder}/{option}"]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0


def der(pem):
    key = b64decode(pem.split(b"\n")[1])
    need(pem == b"-----BEGIN PUBLIC KEY-----\n%b\n-----END PUBLIC KEY-----\n" % b64encode(key), "a key")
    return key


def check_note(note, name, keys, begins):  # section 4.1; it says what it begins with, and a time
    text, _, lines = note.decode().rpartition("\n\n")
    need(re.fullmatch(re.escape(begins) + "[0-9T:.-]+Z", text), f"what a note by {name} says")
    marks = {sha256(name.encode() + b"\n\x01" + key[12:]).digest()[:4]: key for key in keys}
    raws = [b64decode(code) for signer, code in re.findall("\u2014 (.+) (.+)\n", lines) if signer == name]
    mine = [raw for raw in raws if raw[:4] in marks and f" {based([raw])}" in lines]
    held = [openssl(ED25519, inkey=marks[raw[:4]], sigfile=raw[4:], in_=f"{text}\n".encode()) for raw in mine]
    need(held and all(held), f"a note is not signed by {name}")


sys.excepthook = lambda kind, fault, _: sys.stderr.write(f"NOT WHOLE: {kind.__name__}: {fault}\n")
top, admin, pinned, roots = [*sys.argv[1:], "", "", ""][:4]
every = list(Path(top).rglob("*"))
need(not any(path.is_symlink() or not (path.is_file() or path.is_dir()) for path in every), "a link")
files = {path.relative_to(top).as_posix(): path.read_bytes() for path in every if path.is_file()}
# The seal names the root of all leaves, the key, and by three lists every file.
leaves = [bytes.fromhex(line) for line in files["data/log/leaves.txt"].decode().split()]
need(files["data/log/leaves.txt"] == "".join(f"{leaf.hex()}\n" for leaf in leaves).encode(), "leaves.txt")
size, root, daemon = len(leaves), based([tree(leaves)[0]]), der(files["data/keys/daemon.pub.pem"])
fingerprint, seal = sha256(daemon[12:]).hexdigest(), files["seal.txt"].decode()
origin, at = re.match("nightjar-package 1\norigin ([0-9a-f]{32})\nexported-at (.+Z)\n", seal).groups()
head = f"nightjar-package 1\norigin {origin}\nexported-at {at}\ncheckpoint {size} {root}key {fingerprint}\n"
need(seal.startswith(head), "the seal is over another log or key")
for what, by in (("seal.txt", "seal.sig"), ("tagmanifest-sha256.txt", "signatures/tagmanifest.sig")):
    need(openssl(ED25519, inkey=daemon, sigfile=files[by], in_=files[what]), by)
lists = [files["manifest-sha256.txt"].decode(), files["tagmanifest-sha256.txt"].decode(), seal[len(head) :]]
there = [f"{sha256(files[name]).hexdigest()}  {name}\n" for name in {*files} - {"seal.txt", "seal.sig"}]
need(sorted("".join(lists).splitlines(keepends=True)) == sorted(there), "the files are not those listed")
oxum = f"Payload-Oxum: {sum(map(len, under('data/').values()))}.{len(under('data/'))}"
need(oxum in files["bag-info.txt"].decode().splitlines(), "bag-info.txt")
need(files["bagit.txt"] == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n", "bagit.txt")
# The key is certified by an admin's; one of both is known from elsewhere.
log, boss = f"nightjar-{origin}", b""
if "data/keys/certificate.note" in files:
    boss = der(files["data/keys/admin.pub.pem"])
    text = f"nightjar key certificate v1\norigin {origin}\nname {log}\ned25519 {based([daemon[12:]])}from "
    check_note(files["data/keys/certificate.note"], "nightjar-admin", [boss], text)
need(admin in ("", sha256(boss[12:]).hexdigest()) and pinned in ("", fingerprint), "another key")
# The log: its checkpoint, the entries that are shown, the earlier states that it grew from.
check_note(files["data/log/checkpoint"], log, [daemon], f"{log}\n{size}\n{root}time ")
lines = files["data/log/entries.jsonl"].decode().removesuffix("\n").split("\n")
shown = {entry["index"]: sha256(b"\0" + entry["entry"].encode()).digest() for entry in map(json.loads, lines)}
need(list(shown) == sorted(shown) and min(shown) >= 0 and len(shown) == len(lines), "the order of entries")
need(all(leaves[index] == leaf for index, leaf in shown.items()), "an entry")
keys = [daemon, *(der(pem) for name, pem in under("data/keys/old/").items() if name.endswith(".pem"))]
proofs = {}
for name, note in under("data/log/checkpoints/").items():
    m, last = int(name), int(name) & -int(name)  # 2.1.2: the last perfect tree of the first m, then its path
    need(m <= size, "a state that is larger than the log")
    check_note(note, log, keys, f"{log}\n{name}\n{based([tree(leaves[:m])[0]])}time ")
    node = [tree(leaves[m - last : m])[0]] if last < m else []
    steps = based(node + tree(leaves, m - 1)[1][last.bit_length() - 1 :])
    proofs |= {f"{m}-{size}": f"nightjar-consistency {m} {size}\n{steps}".encode()} if m < size else {}
need(under("data/log/consistency/") == proofs, "a proof of consistency")
# The evidence: manifests that name all originals, entries that name manifests, proofs of entries.
pieces, named = under("data/evidence/"), set()
ids = sorted({name[:32] for name in pieces})
need(ids and sorted(pieces) == [f"{one}/{name}" for one in ids for name in FIVE], "the five files")
for one in ids:
    manifest, entry = pieces[f"{one}/manifest.json"], pieces[f"{one}/entry.json"]
    told, logged = json.loads(manifest), json.loads(entry)
    need(told["format"] == "nightjar-evidence" and told["version"] in (1, 2), f"the version of {one}")
    need((told["evidence_id"], told["origin"]) == (one, origin), f"the manifest of {one}")
    own = logged["kind"], logged["evidence_id"], logged["manifest_sha256"]
    need(own == ("evidence", one, sha256(manifest).hexdigest()), f"the entry of {one}")
    named |= {(file["sha256"], file["sha256"], file["size_bytes"]) for file in told["files"]}
    index = leaves.index(sha256(b"\0" + entry).digest())
    proof = f"c2sp.org/tlog-proof@v1\nindex {index}\n{based(tree(leaves, index)[1])}\n".encode()
    need(pieces[f"{one}/proof.tlog"] == proof + files["data/log/checkpoint"], f"the proof of {one}")
originals = under("data/files/").items()
need(named == {(name[:64], sha256(data).hexdigest(), len(data)) for name, data in originals}, "the originals")
# Time: each token is over its checkpoint and answers its request. At last, the archive.
status = json.loads(files["data/time/status.json"])["tokens"]
tokens = {f"{token['size']}-{token['authority']}" for token in status if token["state"] == "whole"}
need({name[:-4] for name in under("data/time/") if name.endswith((".tsq", ".tsr"))} == tokens, "status.json")
for stem in tokens:
    first, authority = stem.split("-", 1)
    pem = files.get(f"data/time/roots/{authority}.pem", b"")
    pems = [path.read_bytes() for path in Path(roots).glob("*.pem")] if roots else [pem]
    reply = {"in_": files[f"data/time/{stem}.tsr"], "CAfile": b"\n".join(pems)}
    held = openssl("ts -verify", data=files[f"data/log/checkpoints/{first}"], **reply)
    need(held and openssl("ts -verify", queryfile=files[f"data/time/{stem}.tsq"], **reply), f"token {stem}")
warc = files.get("data/warc/nightjar.warc.gz")
need(warc is None or gzip.decompress(warc), "the web archive")
sys.stdout.write(f"whole: {len(ids)} pieces in a log of {size} entries, {len(tokens)} timestamps\n")

"""A second verifier of packages, written from docs/evidence.md alone: standard library and openssl.

python second_verifier.py PACKAGE [ADMIN [KEY [ROOTS_FOLDER]]]   The first thing that is wrong ends it.
What only an exporter with the true key could forge is checked by second_verifier_frauds.py."""

import calendar
import json
import re
import subprocess
import sys
import tempfile
import time
import zlib
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
        done = subprocess.run(words, capture_output=True, check=False, encoding="latin-1")
        return "" if done.returncode else done.stdout


def der(pem):
    key = b64decode(pem.split(b"\n")[1])
    need(pem == b"-----BEGIN PUBLIC KEY-----\n%b\n-----END PUBLIC KEY-----\n" % b64encode(key), "a key")
    return key


def check_note(note, name, keys, begins):  # section 4.1; it says what it begins with, and a time
    text, _, lines = note.decode().rpartition("\n\n")
    need(text.startswith(begins) and re.fullmatch("[0-9T:.-]{26}Z", text[len(begins) :]), f"a note by {name}")
    marks = {sha256(name.encode() + b"\n\x01" + key[12:]).digest()[:4]: key for key in keys}
    raws = [b64decode(code) for signer, code in re.findall("\u2014 (.+) (.+)\n", lines) if signer == name]
    mine = [raw for raw in raws if raw[:4] in marks and f" {based([raw])}" in lines]
    held = [openssl(ED25519, inkey=marks[raw[:4]], sigfile=raw[4:], in_=f"{text}\n".encode()) for raw in mine]
    need(held and all(held), f"a note is not signed by {name}")


sys.excepthook = lambda kind, fault, _: sys.stderr.write(f"NOT WHOLE: {kind.__name__}: {fault}\n")
top, admin, pinned, roots = [*sys.argv[1:], "", "", ""][:4]
every = list(Path(top).rglob("*"))
need(not any(path.is_symlink() or not (path.is_file() or any(path.iterdir())) for path in every), "a link")
files = {path.relative_to(top).as_posix(): path.read_bytes() for path in every if path.is_file()}
# The seal names the root of all leaves, the key, and by three lists every file.
leaves = [bytes.fromhex(line) for line in files["data/log/leaves.txt"].decode().split()]
need(files["data/log/leaves.txt"] == "".join(f"{leaf.hex()}\n" for leaf in leaves).encode(), "leaves.txt")
size, root, daemon = len(leaves), based([tree(leaves)[0]]), der(files["data/keys/daemon.pub.pem"])
fingerprint, seal = sha256(daemon[12:]).hexdigest(), files["seal.txt"].decode()
origin, sealed_at = re.match("nightjar-package 1\norigin ([0-9a-f]{32})\nexported-at (.+Z)\n", seal).groups()
head = f"nightjar-package 1\norigin {origin}\nexported-at {sealed_at}\ncheckpoint {size} {root}"
head += f"key {fingerprint}\n"
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
texts = {entry["index"]: entry["entry"] for entry in map(json.loads, lines)}
need(list(texts) == sorted(texts) and min(texts) >= 0 and len(texts) == len(lines), "the order of entries")
for index, text in texts.items():
    need(leaves[index] == sha256(b"\0" + text.encode()).digest(), f"entry {index}")
shown = {index: json.loads(text) for index, text in texts.items()}
keyed = str([entry["facts"] for entry in shown.values() if entry["kind"] == "key"])  # they name the old keys
old = [der(pem) for name, pem in under("data/keys/old/").items() if name.endswith("/daemon.pub.pem")]
keys, proofs = [daemon, *(key for key in old if sha256(key[12:]).hexdigest() in keyed)], {}
for name, note in under("data/log/checkpoints/").items():
    m, last = int(name), int(name) & -int(name)  # 2.1.2: the last perfect tree of the first m, then its path
    need(m <= size, "a state that is larger than the log")
    check_note(note, log, keys, f"{log}\n{name}\n{based([tree(leaves[:m])[0]])}time ")
    node = [tree(leaves[m - last : m])[0]] if last < m else []
    steps = based(node + tree(leaves, m - 1)[1][last.bit_length() - 1 :])
    proofs |= {f"{m}-{size}": f"nightjar-consistency {m} {size}\n{steps}".encode()} if m < size else {}
need(under("data/log/consistency/") == proofs, "a proof of consistency")
# The evidence: manifests that name all originals, entries that name manifests, proofs of entries.
pieces, named, places, targets = under("data/evidence/"), set(), [], set()
ids = sorted({name[:32] for name in pieces})
need(ids and sorted(pieces) == [f"{one}/{name}" for one in ids for name in FIVE], "the five files")
for one in ids:
    manifest, entry = pieces[f"{one}/manifest.json"], pieces[f"{one}/entry.json"]
    told, logged = json.loads(manifest), json.loads(entry)
    need(told["format"] == "nightjar-evidence" and told["version"] in (1, 2), f"the version of {one}")
    need((told["evidence_id"], told["origin"]) == (one, origin), f"the manifest of {one}")
    own = logged["kind"], logged["evidence_id"], logged["manifest_sha256"]
    need(own == ("evidence", one, sha256(manifest).hexdigest()), f"the entry of {one}")
    targets.add(told["target"]["config_sha256"])
    named |= {(file["sha256"], file["sha256"], file["size_bytes"]) for file in told["files"]}
    places.append(leaves.index(sha256(b"\0" + entry).digest()))
    steps = based(tree(leaves, places[-1])[1])
    proof = f"c2sp.org/tlog-proof@v1\nindex {places[-1]}\n{steps}\n".encode()
    need(pieces[f"{one}/proof.tlog"] == proof + files["data/log/checkpoint"], f"the proof of {one}")
originals = under("data/files/").items()
need(named == {(name[:64], sha256(data).hexdigest(), len(data)) for name, data in originals}, "the originals")
# Time: each token is over its checkpoint and answers its request. At last, the archive.
status = json.loads(files["data/time/status.json"])["tokens"]
tokens = {f"{token['size']}-{token['authority']}" for token in status if token["state"] == "whole"}
need({name[:-4] for name in under("data/time/") if name.endswith((".tsq", ".tsr"))} == tokens, "status.json")
for stem in tokens:
    first, authority = stem.split("-", 1)
    pem, own = files.get(f"data/time/roots/{authority}.pem", b""), Path(roots, f"{authority}.pem")
    pems = [path.read_bytes() for path in ([own] if own.is_file() else Path(roots).glob("*.pem"))]
    reply = {"in_": files[f"data/time/{stem}.tsr"], "CAfile": b"\n".join(pems) if roots else pem}
    words = openssl("ts -reply -text", in_=reply["in_"])
    at = "".join(re.search(r"^Time stamp: (.+?)(?:\.\d+)?( \d+) GMT$", words, re.MULTILINE).groups())
    own_time = calendar.timegm(time.strptime(at, "%b %d %H:%M:%S %Y"))  # a certificate may have expired since
    over = {"data": files[f"data/log/checkpoints/{first}"]}, {"queryfile": files[f"data/time/{stem}.tsq"]}
    asks = "ts -verify", f"ts -verify -attime {own_time}"
    need(any(all(openssl(ask, **each, **reply) for each in over) for ask in asks), f"token {stem}")
warc = files.get("data/warc/nightjar.warc.gz", b"")
while warc:
    member = zlib.decompressobj(31)
    need(member.decompress(warc) and member.eof, "the web archive")
    warc = member.unused_data
sys.stdout.write(f"whole: {len(ids)} pieces in a log of {size} entries, {len(tokens)} timestamps\n")

"""A second verifier of exported packages, written from docs/evidence.md alone.

Standard library and the openssl program; imports nothing of the project. A check that fails
raises; the first one ends it.   python second_verifier.py PACKAGE [ADMIN [KEY [ROOTS_FOLDER]]]
"""

import base64
import gzip
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TAGS = ["README.txt", "bag-info.txt", "bagit.txt", "manifest-sha256.txt", "verify.sh"]
SIGNED = [f"signatures/tagmanifest.{kind}" for kind in ("minisig", "sig", "signify", "sshsig")]
FIVE = ["entry.json", "inference.json", "manifest.json", "proof.tlog", "watch.json"]
SPKI = bytes.fromhex("302a300506032b6570032100")


def need(condition, what):
    if not condition:
        raise ValueError(what)


def sha(data):
    return hashlib.sha256(data).hexdigest()


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def mth(leaves):  # RFC 6962, 2.1
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return node(mth(leaves[:k]), mth(leaves[k:]))


def path(m, d):  # RFC 6962, 2.1.1
    if len(d) == 1:
        return []
    k = 1 << (len(d) - 1).bit_length() - 1
    return [*path(m, d[:k]), mth(d[k:])] if m < k else [*path(m - k, d[k:]), mth(d[:k])]


def proof(m, d, b=True):  # RFC 6962, 2.1.2
    if m == len(d):
        return [] if b else [mth(d)]
    k = 1 << (len(d) - 1).bit_length() - 1
    return [*proof(m, d[:k], b), mth(d[k:])] if m <= k else [*proof(m - k, d[k:], False), mth(d[:k])]


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, check=False).returncode == 0


def signed(public, signature, data):
    with tempfile.TemporaryDirectory() as name:
        key, sig, text = (Path(name, part) for part in ("key", "sig", "text"))
        key.write_bytes(SPKI + public), sig.write_bytes(signature), text.write_bytes(data)
        how = ("-keyform", "DER", "-inkey", key, "-sigfile", sig, "-in", text)
        return len(signature) == 64 and openssl("pkeyutl", "-verify", "-rawin", "-pubin", *how)


def raw_key(pem):
    body = re.fullmatch(rb"-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=]+)\n-----END PUBLIC KEY-----\n", pem)
    der = base64.b64decode(body[1], validate=True)
    need(der[:12] == SPKI and len(der) == 44 and base64.b64encode(der) == body[1], "no Ed25519 key")
    return der[12:]


def opened(note, name, public):
    text, _, marks = note.decode().rpartition("\n\n")
    text, found = text + "\n", False
    need(marks.endswith("\n"), "a note is cut")
    for mark in marks[:-1].split("\n"):
        dash, signer, code = mark.split(" ")
        raw = base64.b64decode(code, validate=True)
        need(dash == "\u2014" and base64.b64encode(raw).decode() == code, "a signature line")
        if signer == name and raw[:4] == hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]:
            found = signed(public, raw[4:], text.encode())
            need(found, f"the signature of {name}")
    need(found, f"not signed by {name}")
    return text


def verify(top, admin="", key="", roots=None):
    top = Path(top)
    every = list(top.rglob("*"))
    need(not any(p.is_symlink() or not (p.is_file() or p.is_dir()) for p in every), "a link")
    files = {p.relative_to(top).as_posix(): p.read_bytes() for p in every if p.is_file()}
    seal = files["seal.txt"].decode()
    lists = [files["manifest-sha256.txt"].decode(), files["tagmanifest-sha256.txt"].decode()]
    lists.append("".join(seal.splitlines(keepends=True)[5:]))
    hashes = {}
    for text, names in zip(lists, (None, TAGS, [*SIGNED, "tagmanifest-sha256.txt"]), strict=True):
        need(re.fullmatch(r"([0-9a-f]{64}  [A-Za-z0-9_-][A-Za-z0-9._/-]*\n)+", text), "a list")
        found = [line[66:] for line in text.splitlines()]
        need(found == (names or sorted(set(found))), "a list is not in order")
        need(names or all(name.startswith("data/") for name in found), "payload outside of data")
        hashes.update({line[66:]: line[:64] for line in text.splitlines()})
    need(set(files) == {*hashes, "seal.txt", "seal.sig"}, "the set of files")
    need(all(sha(files[name]) == digest for name, digest in hashes.items()), "a hash")
    payload = [len(data) for name, data in files.items() if name.startswith("data/")]
    need(files["bagit.txt"] == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n", "bagit.txt")
    oxum = f"Payload-Oxum: {sum(payload)}.{len(payload)}"
    need(oxum in files["bag-info.txt"].decode().splitlines(), "Payload-Oxum")

    head = re.match(
        r"nightjar-package 1\norigin ([0-9a-f]{32})\nexported-at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\n"
        r"checkpoint ([1-9][0-9]*) ([A-Za-z0-9+/]{43}=)\nkey ([0-9a-f]{64})\n",
        seal,
    )
    origin, size, root = head[1], int(head[2]), base64.b64decode(head[3])
    daemon = raw_key(files["data/keys/daemon.pub.pem"])
    need(sha(daemon) == head[4] and key in ("", sha(daemon)), "the daemon's key")
    need(signed(daemon, files["seal.sig"], seal.encode()), "the seal")
    need(signed(daemon, files[SIGNED[1]], files["tagmanifest-sha256.txt"]), SIGNED[1])
    if "data/keys/certificate.note" in files:
        boss = raw_key(files["data/keys/admin.pub.pem"])
        said = opened(files["data/keys/certificate.note"], "nightjar-admin", boss)
        begins = f"nightjar key certificate v1\norigin {origin}\nname nightjar-{origin}\n"
        begins += f"ed25519 {base64.b64encode(daemon).decode()}\nfrom "
        need(re.fullmatch(r"[0-9T:.-]{26}Z\n", said.removeprefix(begins)), "the certificate")
        need(admin in ("", sha(boss)), "the admin's key")
    need(not admin or "data/keys/certificate.note" in files, "not certified")

    leaves = [bytes.fromhex(line) for line in files["data/log/leaves.txt"].decode().splitlines()]
    need("".join(f"{leaf.hex()}\n" for leaf in leaves).encode() == files["data/log/leaves.txt"], "leaves.txt")
    need(len(leaves) == size and mth(leaves) == root, "the root")
    note, named = files["data/log/checkpoint"], set()
    state = f"nightjar-{origin}\n{{}}\n{{}}\ntime ".format
    need(opened(note, f"nightjar-{origin}", daemon).startswith(state(size, head[3])), "the checkpoint")
    originals = {name[11:75]: len(data) for name, data in files.items() if name.startswith("data/files/")}
    need(all(n[11:75] == sha(d) for n, d in files.items() if n.startswith("data/files/")), "a name")
    folders = sorted({name.split("/")[2] for name in files if name.startswith("data/evidence/")})
    for one in folders:
        inside = sorted(n.split("/", 3)[3] for n in files if n.startswith(f"data/evidence/{one}/"))
        need(inside == FIVE, f"{one}: its files")
        manifest, entry, tlog = (files[f"data/evidence/{one}/{n}"] for n in (FIVE[2], FIVE[0], FIVE[3]))
        told, logged = json.loads(manifest), json.loads(entry)
        need((told["evidence_id"], told["origin"]) == (one, origin), f"{one}: another manifest")
        need(all(originals.get(f["sha256"]) == f["size_bytes"] for f in told["files"]), f"{one}: originals")
        named |= {file["sha256"] for file in told["files"]}
        own = logged["kind"], logged["evidence_id"], logged["manifest_sha256"]
        need(own == ("evidence", one, sha(manifest)), f"{one}: its entry")
        index = int(re.match(rb"c2sp.org/tlog-proof@v1\nindex (0|[1-9][0-9]*)\n", tlog)[1])
        need(leaves[index] == hashlib.sha256(b"\0" + entry).digest(), f"{one}: its leaf")
        steps = [base64.b64encode(step).decode() + "\n" for step in path(index, leaves)]
        text = f"c2sp.org/tlog-proof@v1\nindex {index}\n{''.join(steps)}\n".encode()
        need(tlog == text + note, f"{one}: its proof")
    need(folders and named == set(originals), "originals without a manifest")
    before = -1
    need(files["data/log/entries.jsonl"].endswith(b"\n"), "entries.jsonl")
    for line in files["data/log/entries.jsonl"].decode().split("\n")[:-1]:
        shown = json.loads(line)
        need(before < shown["index"], "entries are not in order")
        before = shown["index"]
        need(leaves[before] == hashlib.sha256(b"\0" + shown["entry"].encode()).digest(), "an entry")

    keys = [daemon, *(raw_key(d) for n, d in files.items() if re.match(r"data/keys/old/\d+/daemon", n))]
    for name in [n for n in files if n.startswith("data/log/checkpoints/")]:
        first, said = int(name.rsplit("/")[-1]), ""
        for public in keys:
            try:
                said = said or opened(files[name], f"nightjar-{origin}", public)
            except ValueError:
                continue
        need(said.startswith(state(first, base64.b64encode(mth(leaves[:first])).decode())), name)
        if first < size:
            steps = [base64.b64encode(step).decode() + "\n" for step in proof(first, leaves)]
            text = f"nightjar-consistency {first} {size}\n{''.join(steps)}"
            need(files[f"data/log/consistency/{first}-{size}"] == text.encode(), f"consistency of {name}")
    status = json.loads(files["data/time/status.json"])["tokens"]
    tokens = {f"{t['size']}-{t['authority']}" for t in status if t["state"] == "whole"}
    need({n[10:-4] for n in files if re.fullmatch(r"data/time/[^/]*\.ts[rq]", n)} == tokens, "status.json")
    for stem in tokens:
        first, authority = stem.split("-", 1)
        with tempfile.NamedTemporaryFile() as trusted:
            pems = sorted(Path(roots).glob("*.pem")) if roots else [top / f"data/time/roots/{authority}.pem"]
            Path(trusted.name).write_bytes(b"\n".join(pem.read_bytes() for pem in pems))
            how = ("ts", "-verify", "-in", top / f"data/time/{stem}.tsr", "-CAfile", trusted.name)
            need(openssl(*how, "-data", top / f"data/log/checkpoints/{first}"), f"the token {stem}")
            need(openssl(*how, "-queryfile", top / f"data/time/{stem}.tsq"), f"the request of {stem}")
    warc = files.get("data/warc/nightjar.warc.gz")
    need(warc is None or gzip.decompress(warc), "the web archive")
    return f"whole: {len(folders)} pieces in a log of {size} entries, {len(tokens)} timestamps"


if __name__ == "__main__":
    try:
        sys.stdout.write(verify(*sys.argv[1:]) + "\n")
    except Exception as fault:  # noqa: BLE001 -- whatever hostile bytes raise
        sys.exit(f"NOT WHOLE: {type(fault).__name__}: {fault}")

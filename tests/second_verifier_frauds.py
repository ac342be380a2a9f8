"""What second_verifier.py leaves out: lies that only an exporter with the true key could seal.

python second_verifier_frauds.py PACKAGE [ADMIN [KEY [ROOTS_FOLDER]]]   Runs second_verifier.py first."""

import json
import runpy
import sys
from base64 import b64decode, b64encode
from datetime import datetime
from hashlib import sha256, sha512
from pathlib import Path

FOLDERS = {"case", "evidence", "files", "keys", "log", "report", "schema", "targets", "time", "wacz", "warc"}
told = runpy.run_path(str(Path(__file__).with_name("second_verifier.py")))
need, under, files, leaves, tokens = (told[word] for word in ("need", "under", "files", "leaves", "tokens"))
daemon, ids = told["daemon"], told["ids"]
shown = {one["index"]: json.loads(one["entry"]) for one in told["shown"]}


def word(data):  # RFC 4251, section 5
    return len(data).to_bytes(4, "big") + data


need({name.split("/")[0] for name in under("data/")} <= FOLDERS, "a folder that no package has")
notes = [files["data/log/checkpoint"], *under("data/log/checkpoints/").values()]
times = [note.decode().split("\n")[3].removeprefix("time ") for note in notes]
for text in (told["sealed_at"], *times):  # the one form of a time
    need(datetime.fromisoformat(text).strftime("%Y-%m-%dT%H:%M:%S.%fZ") == text, f"a time: {text}")
# What stands beside the other signatures follows from key and signature.
raw, tag = files["signatures/tagmanifest.sig"], files["tagmanifest-sha256.txt"]
ssh, head = word(b"ssh-ed25519"), word(b"nightjar") + word(b"") + word(b"sha512")
public = ssh + word(daemon.public_bytes_raw())
line = b'nightjar namespaces="nightjar" ssh-ed25519 %b nightjar\n' % b64encode(public)
need(files["data/keys/allowed_signers"] == line, "allowed_signers")
blob = b64decode(b"".join(files["signatures/tagmanifest.sshsig"].split(b"\n")[1:-2]))
need(blob == b"SSHSIG\0\0\0\1" + word(public) + head + word(ssh + word(blob[-64:])), "tagmanifest.sshsig")
daemon.verify(blob[-64:], b"SSHSIG" + head + word(sha512(tag).digest()))
for kind in ("minisig", "signify"):
    numbered = b64encode(b"Ed" + bytes.fromhex(told["signer"])[:8] + raw)
    need(files[f"signatures/tagmanifest.{kind}"].split(b"\n")[1] == numbered, f"tagmanifest.{kind}")
# The targets are those that manifests name.
named = "".join(files[f"data/evidence/{one}/manifest.json"].decode() for one in ids)
for name, text in under("data/targets/").items():
    fits = f'"target":{{"config_sha256":"{name[:64]}"' in named
    need(fits and name == f"{sha256(text).hexdigest()}.json", f"the target {name}")
# The records of cases are those that the log names; every act that is shown has one.
case = json.loads(files["data/case/case.json"])
records = [one for each in case.get("cases", []) for one in each["history"]]
for one in records:
    fits = json.loads(one["entry"])["facts_sha256"] == sha256(one["record"].encode()).hexdigest()
    need(fits and leaves[one["leaf"]] == sha256(b"\0" + one["entry"].encode()).digest(), "a record of a case")
acts = {index for index, entry in shown.items() if entry["kind"] in ("case", "hold")}
need(case["origin"] == told["origin"] and acts <= {one["leaf"] for one in records}, "a record is missing")
# The tokens are those that the log names, and the earliest over each piece is here.
for stem in tokens:
    ask = ["openssl", "ts", "-query", "-text", "-in", f"{told['top']}/data/time/{stem}.tsq"]
    text = told["run"](ask, capture_output=True, check=True).stdout
    need(text.count(b"\nNonce: 0x") == 1, f"the nonce of {stem}")
places = [int(files[f"data/evidence/{one}/proof.tlog"].split()[2]) for one in ids]
for beacon in (entry["facts"] for entry in shown.values() if entry["kind"] == "beacon"):
    last, authority = int(beacon["size"]), beacon["authority"]
    token = files.get(f"data/time/{last}-{authority}.tsr")
    need(token is None or sha256(token).hexdigest() == beacon["sha256"], f"another token of {authority}")
    here = [int(stem.split("-")[0]) for stem in tokens if stem.split("-", 1)[1] == authority]
    held = all(any(place < size <= last for size in here) for place in places if place < last)
    need(held, f"a token of {authority} is left out")
sys.stdout.write("no fraud of an exporter was found\n")

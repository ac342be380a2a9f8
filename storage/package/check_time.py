"""Step of a check: the RFC 3161 time stamps over checkpoints."""

from __future__ import annotations

import json

from storage.package import layout
from storage.package.source import read
from storage.package.verdict import Round
from storage.timestamps import Refusal, check

_STATUS = f"{layout.TIME}/status.json"


def time(run: Round, checkpoints: dict[int, bytes]) -> None:
    """Every token that the package says it has is there and holds; none is "pending", not broken."""
    with run.step("time") as said:
        asked = json.loads(read(run.source, _STATUS))["tokens"]
        whole = {f"{token['size']}-{token['authority']}" for token in asked if token["state"] == "whole"}
        for ending in (".tsr", ".tsq"):
            start = f"{layout.TIME}/"
            there = {
                n[len(start) : -4] for n in run.source.sizes if n.startswith(start) and n.endswith(ending)
            }
            run.wanted(there == whole, f"the files *{ending} are not those of {_STATUS}")
        held = [_checked(run, stem, checkpoints) for stem in sorted(whole)]
        if held:
            said.append(f"{len(held)} time stamps hold, the first of {min(held)}")
            if not run.trust.roots:
                run.remarks.append(
                    "ROOTS OF TIME-STAMP AUTHORITIES WERE NOT COMPARED: "
                    "give --tsa-roots with a folder of those you trust"
                )
        else:
            waiting = sum(token["state"] == "waiting" for token in asked)
            said += ["pending", f"time pending: no time stamp is in this package, {waiting} asked for"]


def _checked(run: Round, stem: str, checkpoints: dict[int, bytes]) -> str:
    """The time in a token, or "" and a fault."""
    size, _, authority = stem.partition("-")
    stamped = checkpoints.get(int(size))
    if stamped is None:
        run.bad(f"{stem}: its checkpoint is missing")
        return ""
    roots = run.trust.roots or read(run.source, f"{layout.TIME}/roots/{authority}.pem")
    request, response = (read(run.source, f"{layout.TIME}/{stem}{ending}") for ending in (".tsq", ".tsr"))
    found = check(stamped, request, response, roots)
    if isinstance(found, Refusal):
        run.bad(f"{stem}.tsr is no time stamp over its checkpoint by a trusted authority: {found.why}")
        return ""
    return f"{found.at:%Y-%m-%d %H:%M:%S} UTC"

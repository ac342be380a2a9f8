"""The judged chat checks signatures, has bad minutes, and counts an event once for its key."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

import aiohttp
import pytest

from nightmarket.figures import _taken_in
from nightmarket.model import World
from nightmarket.server import CHAT_ADDRESS
from nightmarket.truth import lines, read_told
from nightmarket.world import make
from tests.night.stall import SECRET, Stall, visit


@pytest.fixture(scope="module")
def world() -> World:
    return make(1, "hour")


async def _post(stall: Stall, key: str, event: object, *, secret: bytes = SECRET, stamp: str = "") -> int:
    body = json.dumps(event).encode() if not isinstance(event, bytes) else event
    stamp = stamp or str(int(stall.hours.now().timestamp()))
    digest = hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {
        "Idempotency-Key": key,
        "X-Nightjar-Timestamp": stamp,
        "X-Nightjar-Signature": f"sha256={digest}",
    }
    url = f"http://{CHAT_ADDRESS}:{stall.port}/hook"
    async with stall.session.post(url, data=body, headers=headers) as answer:
        return answer.status


async def _until_taken(stall: Stall, key: str, event: object) -> list[int]:
    """Every status until 200, as a sender that repeats."""
    seen = []
    for _ in range(20):
        seen.append(await _post(stall, key, event))
        if seen[-1] == 200:
            break
    return seen


def test_an_event_with_a_forged_stale_or_missing_signature_is_refused(world: World, tmp_path: Path) -> None:
    async def work(stall: Stall) -> None:
        old = str(int(stall.hours.now().timestamp()) - 10_000)
        assert await _post(stall, "k", {"kind": "new"}, secret=b"guessed") == 401
        assert await _post(stall, "k", {"kind": "new"}, stamp=old) == 401
        assert await _post(stall, "k", {"kind": "new"}, stamp="soon") == 401
        stall.log.flush()
        assert not read_told(stall.truth)

    visit(world, tmp_path, work)


def test_an_event_repeated_with_its_key_counts_once_even_after_a_lost_answer(
    world: World, tmp_path: Path
) -> None:
    async def work(stall: Stall) -> None:
        statuses: list[int] = []
        for number in range(300):
            statuses += await _until_taken(stall, f"key-{number}", {"kind": "new", "alert_id": f"{number}"})
        assert {200, 429, 500} == set(statuses)
        stall.log.flush()
        told = read_told(stall.truth)
        assert len(told) > 300  # some were taken in and answered 500, then came again
        taken = _taken_in(told)
        assert len(taken) == 300
        assert len({event.alert_id for event in taken}) == 300

    visit(world, tmp_path, work)


def test_during_the_outage_the_line_breaks_and_nothing_is_taken_in(world: World, tmp_path: Path) -> None:
    async def work(stall: Stall) -> None:
        outage = next(t.span for t in world.troubles if t.kind == "chat-down")
        assert outage.seconds == 600
        stall.set_time(outage.begin)
        with pytest.raises(aiohttp.ClientError):
            await _post(stall, "k", {"kind": "new"})
        stall.set_time(outage.end)
        assert 200 in await _until_taken(stall, "k", {"kind": "new"})
        stall.log.flush()
        assert len(read_told(stall.truth)) >= 1
        assert any(line.get("why") == "outage" for line in lines(stall.truth))

    visit(world, tmp_path, work)


def test_what_is_not_json_is_answered_400(world: World, tmp_path: Path) -> None:
    async def work(stall: Stall) -> None:
        seen = {await _post(stall, "k", b"\xff{") for _ in range(10)}
        assert 400 in seen
        assert 200 not in seen

    visit(world, tmp_path, work)

"""`check --online`: a wrong token or chat is told by the name of its channel; nothing is written there."""

from __future__ import annotations

import json
import threading
from asyncio import Event, Runner
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bot.cli import main
from nightmarket.messenger import TOKEN, Fault, Service

GROUP, TALK = -1001, -1002
CONFIG = """
[nightjar]
contact = "ops@example.org"
data_dir = "data"

[[channel]]
name = "duty"
kind = "telegram"
chat_id = -1001
token_file = "token"
base_url = "{base_url}"
discussion_id = {talk}

[[chat]]
id = -1009

[[officer]]
name = "Li"
role = "officer"
telegram = 5001

[desk]
channel = "duty"

[rota]
since = 2026-11-02
officers = ["Li"]
"""


@contextmanager
def served(prepare: Callable[[Service], None]) -> Iterator[Service]:
    """A server on a thread of its own: the command has its own loop."""
    ready, kept, over = threading.Event(), [], []

    async def serve() -> None:
        end = Event()
        async with Service() as service:
            prepare(service)
            kept.append(service)
            over.append((runner.get_loop(), end))
            ready.set()
            await end.wait()

    runner = Runner()
    thread = threading.Thread(target=lambda: runner.run(serve()))
    thread.start()
    try:
        assert ready.wait(30)
        yield kept[0]
    finally:
        loop, end = over[0]
        loop.call_soon_threadsafe(end.set)
        thread.join(30)
        runner.close()


def checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], base_url: str, token: str = TOKEN
) -> tuple[int, list[str]]:
    (tmp_path / "token").write_text(token)
    (tmp_path / "token").chmod(0o600)
    (tmp_path / "config.toml").write_text(CONFIG.format(base_url=base_url, talk=TALK))
    code = main(["check", "--online", "--json", "--config", str(tmp_path / "config.toml")])
    out = capsys.readouterr()
    assert token.split(":")[1] not in out.out + out.err
    found = json.loads(out.out.strip().splitlines()[-1])
    assert found["mistakes"] == []
    return code, [one for one in found["problems"] if "nothing is watched" not in one]


def everybody(service: Service) -> None:
    for chat_id in (GROUP, TALK, -1009):
        service.add_chat(chat_id)
    service.add_chat(5001, "private")


def test_bots_and_chats_that_are_known_are_no_problem_and_nothing_is_said_to_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(everybody) as service:
        _, problems = checked(tmp_path, capsys, service.base_url)
        assert problems == []
        assert {call.method for call in service.calls} == {"getMe", "getChat"}


def test_each_chat_that_is_wrong_is_told_by_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def some(service: Service) -> None:
        everybody(service)
        service.people.remove_bot(service.chats[GROUP])
        service.people.upgrade(service.chats[TALK], -1003)
        del service.chats[-1009], service.chats[5001]

    with served(some) as service:
        code, problems = checked(tmp_path, capsys, service.base_url)
    assert code == 1
    assert [one.split(":")[0] for one in problems] == ['channel "duty"'] * 4
    told = "\n".join(problems)
    for words in (
        "chat_id = -1001: Forbidden: bot was kicked",
        "discussion_id = -1002: the chat has moved, it is -1003 now",
        "[[chat]] id = -1009: Chat not found",
        'officer "Li": Chat not found',
    ):
        assert words in told


def test_a_token_that_is_refused_and_a_server_that_is_not_there_are_told_by_the_channel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(everybody) as service:
        code, problems = checked(tmp_path, capsys, service.base_url, f"9{TOKEN}")
    assert (code, problems) == (1, ['channel "duty": the token is refused: it is wrong or was withdrawn'])
    _, problems = checked(tmp_path, capsys, "http://127.0.0.1:9/bot")
    assert len(problems) == 1
    assert problems[0].startswith('channel "duty": the server cannot be asked')


def test_a_server_that_gives_out_amid_the_chats_hides_none_that_is_known_to_be_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def some(service: Service) -> None:
        everybody(service)
        service.people.remove_bot(service.chats[GROUP])
        service.faults.waiting = [Fault(kind="429", method="getChat", chat_id=TALK, retry_after=7)]

    with served(some) as service:
        code, problems = checked(tmp_path, capsys, service.base_url)
    assert code == 1
    assert problems[0].startswith('channel "duty": chat_id = -1001: Forbidden: bot was kicked')
    assert problems[1].startswith(
        f'channel "duty": discussion_id = {TALK}: the server cannot be asked of it, nor of 2 more: Flood'
    )


@contextmanager
def answering(found: dict[str, object]) -> Iterator[str]:
    """A server of another make, that answers each method with these words; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            method = self.path.rpartition("/")[2]
            body = json.dumps({"ok": True, "result": found.get(method)}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/bot"
        finally:
            server.shutdown()
            thread.join(30)


def test_a_server_that_tells_less_of_a_chat_than_the_library_asks_for_knows_it_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    us = {"id": 1, "is_bot": True, "first_name": "n", "username": "n_bot"}
    with answering({"getMe": us, "getChat": {"id": GROUP, "type": "supergroup"}}) as base_url:
        assert checked(tmp_path, capsys, base_url)[1] == []


def test_a_server_that_is_no_bot_api_is_said_to_be_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering({"getMe": []}) as base_url:
        code, (problem,) = checked(tmp_path, capsys, base_url)
    assert code == 1
    assert "cannot be read (TypeError); or is what base_url names no Bot API server?" in problem

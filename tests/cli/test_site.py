"""`nightjar try` and `nightjar add` against a site on loopback, in a thread of its own."""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bot.glance import names
from tests.cli.kept import Command

POSTS = "".join(
    f"<item><guid>p{n}</guid><title>post {n} \x9b31m</title><link>{{base}}/p{n}</link>"
    f"<description>an old bicycle, number {n}</description></item>"
    for n in range(4)
)
FEED = f'<?xml version="1.0"?><rss version="2.0"><channel><title>market</title>{POSTS}</channel></rss>'


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        base = f"http://127.0.0.1:{self.server.server_port}"  # type: ignore[attr-defined]
        known = {
            "/feed": ("application/rss+xml", FEED.replace("{base}", base)),
            "/empty": ("text/html", "<p>hello"),
        }
        kind, text = known.get(self.path, ("text/html", f"<html><title>{self.path}</title><p>an old bicycle"))
        body = text.encode()
        self.send_response(404 if self.path in ("/gone", "/robots.txt") else 200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def site() -> Iterator[str]:
    """The address of a small site."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(
        '[nightjar]\ncontact = "watch@example.org"\nallow = ["127.0.0.1"]\n'
        '[hosts."127.0.0.1"]\nrequests_per_s = 100\nconcurrency = 4\n'
    )
    return path


@pytest.fixture
def run(config: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys, config)


def test_try_shows_what_an_address_yields(run: Command, site: str) -> None:
    ran = run("try", f"{site}/feed")
    assert ran.code == 0
    for words in ("post 0", "4 posts found", "rss", "not found"):
        assert words in ran.out
    assert "\x9b" not in ran.out
    facts = run("try", f"{site}/feed", "--json", "--details", "0").facts
    assert (facts["works"], facts["kind"], len(facts["posts"])) == (True, "rss", 4)


def test_add_prints_a_stanza_that_lacks_nothing_but_its_authority(
    run: Command, site: str, config: Path
) -> None:
    ran = run("add", f"{site}/feed")
    assert ran.code == 0
    (target,) = tomllib.loads(ran.out)["target"]
    assert (target["kind"], target["url"]) == ("rss", f"{site}/feed")
    config.write_text(config.read_text() + ran.out)
    wrong = run("check", "--json").facts["mistakes"]
    assert {m["key"] for m in wrong} == {"legal_basis", "authorised_by", "review_after"}
    filled = ran.out
    for key, value in {
        "legal_basis": '"Art. 341"',
        "authorised_by": '"Unit 7"',
        "review_after": "2099-01-01",
    }.items():
        filled = "\n".join(
            f"{key} = {value}" if line.startswith(key) else line for line in filled.split("\n")
        )
    config.write_text(config.read_text().replace(ran.out, filled))
    assert run("check").code == 0


def test_add_writes_to_a_file_and_never_the_same_name_twice(run: Command, site: str, config: Path) -> None:
    file = config.parent / "targets.d" / "market.toml"
    for _ in range(2):
        ran = run("add", f"{site}/feed", "--write", str(file))
        assert ran.code == 0
        assert "fill in" in ran.out
    assert "targets.d/market.toml: [[target]] #1" in ran.err
    assert "watches this page already" in ran.err
    assert len(set(names(config))) == len(names(config)) == 2
    facts = run("add", f"{site}/feed", "--json").facts
    assert facts["name"] not in names(config)
    assert len(facts["already"]) == 2
    assert tomllib.loads(facts["stanza"])["target"][0]["name"] == facts["name"]


def test_a_target_can_be_tried_by_name_before_anybody_authorised_it(
    run: Command, site: str, config: Path
) -> None:
    run("add", f"{site}/feed", "--write", str(config.parent / "targets.d" / "market.toml"))
    (name,) = names(config)
    assert run("try", name).code == 0
    ran = run("try", name[:-1])
    assert ran.code == 2
    assert f'did you mean "{name}"' in ran.err


def test_a_target_with_other_mistakes_tells_them(run: Command, config: Path) -> None:
    config.write_text(
        config.read_text() + '[[target]]\nname = "m"\nkind = "rss"\nurl = "ftp://x"\nintervall = 1\n'
    )
    ran = run("try", "m")
    assert ran.code == 2
    assert "url" in ran.err
    assert 'did you mean "interval"' in ran.err
    assert "legal_basis" not in ran.err


@pytest.mark.parametrize("command", ["try", "add"])
def test_what_yields_no_posts_is_a_problem_told_in_a_line(run: Command, site: str, command: str) -> None:
    for path in ("/empty", "/gone"):
        ran = run(command, f"{site}{path}")
        assert ran.code == 1
        assert ran.err.startswith(f"nightjar: {site}{path}: ")
        assert ran.err.count("\n") == 1


def test_a_kind_that_is_named_is_not_guessed(run: Command, site: str) -> None:
    ran = run("try", f"{site}/feed", "--kind", "json", "--json")
    assert ran.code == 1
    assert ran.facts["kind"] == "json"
    ran = run("try", f"{site}/feed", "--kind", "jsn")
    assert ran.code == 2
    assert "json" in ran.err


def test_a_private_address_needs_an_exception_and_says_so(run: Command, site: str, config: Path) -> None:
    config.write_text('[nightjar]\ncontact = "watch@example.org"\n')
    ran = run("add", f"{site}/feed")
    assert ran.code == 1
    assert "allow" in ran.err


def test_who_asks_must_be_known(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NIGHTJAR_CONFIG", raising=False)
    run = Command(capsys)
    if not Path("/etc/nightjar/config.toml").exists():
        assert run("try", "http://127.0.0.1:9/").code == 2
    ran = run("try", "http://127.0.0.1:9/", "--contact", "me@example.org")
    assert ran.code == 1
    assert run("try", "http://127.0.0.1:9/", "--contact", "me").code == 2
    (tmp_path / "config.toml").write_text('[nightjar]\ncontact = "nobody"\n')
    assert "contact" in run("try", "http://127.0.0.1:9/").err


@pytest.mark.parametrize(
    "url", ["http://u:hunter2@127.0.0.1/", "ftp://x.example/", "http://", "http://x:99999/"]
)
def test_an_address_that_makes_no_sense_is_wrong_use(run: Command, url: str) -> None:
    for command in ("try", "add"):
        ran = run(command, url)
        assert ran.code == 2
        assert "hunter2" not in ran.err


def test_add_refuses_a_file_that_would_not_be_read(run: Command, site: str, config: Path) -> None:
    assert run("add", f"{site}/feed", "--write", str(config.parent / "a.txt")).code == 2
    assert run("add", f"{site}/feed", "--write", str(config.parent / "no" / "such" / "a.toml")).code == 2

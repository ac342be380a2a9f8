"""WordPress as a Linux distribution packages it, on a MariaDB of its own. See `_program`.

Needs the packages wordpress, php-cli, php-mysql and mariadb-server; none of them is
configured or started for the machine: files are copied, the database listens on a socket.
"""

from __future__ import annotations

import getpass
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

from bench._program import Deed, Facts, picture, prose, ware

SOURCE = Path("/usr/share/wordpress")
DEEDS = Path(__file__).with_suffix(".php")
CONFIG = """<?php
define('DB_NAME', 'wp'); define('DB_USER', 'root'); define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:{socket}'); define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');
define('WP_SITEURL', 'http://127.0.0.1:{port}'); define('WP_HOME', 'http://127.0.0.1:{port}');
define('DISABLE_WP_CRON', true); define('WP_HTTP_BLOCK_EXTERNAL', true);
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $name) {{
    define($name . '_KEY', 'bench'); define($name . '_SALT', 'bench');
}}
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""


def missing() -> list[str]:
    """What of the distribution's packages is not on this machine."""
    programs = ("php", "mariadbd", "mariadb", "mariadb-install-db")
    lacks = [name for name in programs if shutil.which(name, path=_path()) is None]
    return lacks if SOURCE.is_dir() else [*lacks, str(SOURCE)]


def main(folder: Path, port: int) -> None:
    """Set the blog up and serve it."""
    root, socket = folder / "wordpress", folder / "s"
    shutil.copytree(SOURCE, root, ignore=shutil.ignore_patterns("wp-config.php", ".htaccess"))
    (root / "wp-content" / "uploads").mkdir(exist_ok=True)
    (root / "wp-config.php").write_text(CONFIG.format(socket=socket, port=port))
    children: list[subprocess.Popen[bytes]] = []
    try:
        children.append(_database(folder, socket))
        _run("php", str(DEEDS), str(root), str(port), "install")
        # A request of the daemon must not wait for another one.
        server = ["php", "-S", f"127.0.0.1:{port}", "-t", str(root)]
        children.append(_start(server, {"PHP_CLI_SERVER_WORKERS": "3"}))
        inside = ["php", "-d", "display_errors=stderr", str(DEEDS), str(root), str(port)]
        children.append(_start(inside, {}, piped=True))
        _serve(children[-1], folder)
    finally:
        for child in children:
            os.killpg(child.pid, signal.SIGKILL)


def _serve(inside: subprocess.Popen[bytes], folder: Path) -> None:
    assert inside.stdin is not None
    assert inside.stdout is not None
    print(json.dumps({"ready": True, "url": "/"}), flush=True)
    for line in sys.stdin:
        deed = json.loads(line)
        more = _facts(deed, folder) if deed["do"] == "new" else {}
        print(json.dumps({**_told(inside.stdin, inside.stdout, deed | more), **_known(more)}), flush=True)


def _facts(deed: Deed, folder: Path) -> Facts:
    number = int(deed["number"])
    files = []
    for order in range(number % 3):
        path = folder / f"p{number}-{order}.jpg"
        path.write_bytes(picture(number * 3 + order))
        files.append(str(path))
    text = prose(number)
    html = "".join(f"<p>{part}</p>" for part in text.split("\n\n"))
    return {
        "title": ware(number),
        "text": text,
        "html": html,
        "files": files,
        "seller": f"seller{number % 5}",
    }


def _known(more: Facts) -> Facts:
    if not more:
        return {}
    return {"text": more["text"], "seller": more["seller"], "pictures": len(more["files"])}


def _told(to: IO[bytes], of: IO[bytes], deed: Deed) -> Facts:
    to.write(json.dumps(deed).encode() + b"\n")
    to.flush()
    return dict(json.loads(of.readline()))


def _database(folder: Path, socket: Path) -> subprocess.Popen[bytes]:
    who = getpass.getuser()
    where = [f"--datadir={folder / 'db'}", f"--user={who}"]
    _run("mariadb-install-db", "--no-defaults", *where, "--auth-root-authentication-method=normal")
    quiet = ["--skip-networking", "--innodb-buffer-pool-size=32M", f"--pid-file={folder / 'pid'}"]
    running = _start(["mariadbd", "--no-defaults", *where, f"--socket={socket}", *quiet], {})
    for _ in range(100):
        if socket.exists():
            break
        time.sleep(0.2)
    _run("mariadb", "--no-defaults", "-uroot", f"--socket={socket}", "-e", "CREATE DATABASE wp")
    return running


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin"


def _run(*words: str) -> None:
    subprocess.run(words, check=True, stdout=sys.stderr, env={**os.environ, "PATH": _path()}, timeout=120)


def _start(words: list[str], more: dict[str, str], *, piped: bool = False) -> subprocess.Popen[bytes]:
    """A child at the head of a group of its own: PHP's server has children too."""
    pipe: Any = subprocess.PIPE if piped else None
    return subprocess.Popen(
        words,
        stdin=pipe or subprocess.DEVNULL,
        stdout=pipe or sys.stderr,
        env={**os.environ, "PATH": _path(), **more},
        start_new_session=True,
    )

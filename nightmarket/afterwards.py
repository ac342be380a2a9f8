"""After the night, for who looks at its chat: daemon, market and chat go on, one second a second.

The score is made before: nothing that happens here counts.
"""

from __future__ import annotations

import sys
import time

from nightmarket.clockwork import Hours
from nightmarket.course import Course
from nightmarket.daemon import Daemon, DaemonError
from nightmarket.play import LEAD_REAL_S, Market, Messenger

LOOK_REAL_S = 0.5


def stay(course: Course, market: Market, messenger: Messenger) -> None:
    """Until Ctrl-C. Raises DaemonError when a process stops by itself."""
    hours = Hours(start=course.now(), speed=1.0, origin=time.monotonic() + LEAD_REAL_S)
    market.open(hours)
    messenger.open(hours)
    daemon = Daemon(course.places, hours)
    daemon.start()
    print(
        f"the daemon works on: look, press and ask at {messenger.page} (Ctrl-C ends it)",
        file=sys.stderr,
        flush=True,
    )
    try:
        while True:
            for name, is_up in (
                ("daemon", bool(daemon.pid)),
                ("market", market.is_up()),
                ("chat", messenger.is_up()),
            ):
                if not is_up:
                    raise DaemonError(f"the {name} has stopped")
            time.sleep(LOOK_REAL_S)
    except KeyboardInterrupt:
        print("\nthe night's chat is closed", file=sys.stderr, flush=True)
    finally:
        daemon.stop()

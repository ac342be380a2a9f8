"""What libraries would import for a screen that the daemon does not have: 6 MB of it.

structlog imports rich and pygments for tracebacks in colour, which `bot.logs` never asks for; httpx, which
comes with python-telegram-bot and is not used, imports its own command line with them and with click. Both
do without where these are not installed, and so they are told that they are not. Whoever wants rich
afterwards imports it as ever.
"""

from __future__ import annotations

import sys
from importlib import import_module

_FOR_A_SCREEN = ("rich", "pygments", "colorama", "better_exceptions")
_COMMAND_LINE = "httpx._main"


def without_a_screen() -> None:
    """Before structlog or telegram is first imported; later on it changes nothing."""
    sys.modules.setdefault(_COMMAND_LINE, None)  # type: ignore[arg-type]  # as importlib documents it
    hidden = [name for name in _FOR_A_SCREEN if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        import_module("structlog")
    finally:
        for name in hidden:
            del sys.modules[name]

"""What the QR codes in a picture say. Runs only inside a picture worker.

Sellers put a WeChat, Line or Telegram code into a picture, so that no word on the page gives them away.
"""

from __future__ import annotations

import numpy as np
import zxingcpp
from PIL import Image

SIDE_PX = 640
"""Shorter side at least: a code an eighth as wide still has three pixels a module."""
_QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
_MOST, _CHARS_MOST = 8, 300


def codes_in(grey: Image.Image) -> tuple[str, ...]:
    """The texts of at most eight codes, each once, in the order they were found."""
    found = zxingcpp.read_barcodes(np.asarray(grey), formats=_QR)
    texts = (code.text.strip()[:_CHARS_MOST] for code in found if code.valid)
    return tuple(dict.fromkeys(text for text in texts if text))[:_MOST]

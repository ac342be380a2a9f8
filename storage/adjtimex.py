"""What the kernel knows of its own clock: adjtimex(2) without changing anything.

Linux on 64-bit machines. One system call of a few microseconds that never blocks; a
time daemon (chrony, ntpd, systemd-timesyncd) tells the kernel what is read here.
"""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass

_STA_UNSYNC = 0x0040
_STA_NANO = 0x2000
_TIME_ERROR = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelClock:
    """offset_us: what is still to be slewed away; the errors are the kernel's bounds, in microseconds."""

    synchronised: bool
    offset_us: int
    max_error_us: int
    estimated_error_us: int


class _Timex(ctypes.Structure):
    """`struct timex` of <sys/timex.h>, where a long has 64 bits; the tail is not looked at."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("tail", ctypes.c_long * 64),
    )


def read() -> KernelClock | str:
    """The kernel's own words, or why they cannot be had."""
    if ctypes.sizeof(ctypes.c_long) != 8:
        return "this machine's struct timex is not known"
    try:
        call = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return "this system has no adjtimex"
    facts = _Timex()  # modes 0: nothing is set
    state = int(call(ctypes.byref(facts)))
    if state < 0:
        return f"adjtimex: {os.strerror(ctypes.get_errno())}"
    return KernelClock(
        synchronised=state != _TIME_ERROR and not facts.status & _STA_UNSYNC,
        offset_us=int(facts.offset) // (1_000 if facts.status & _STA_NANO else 1),
        max_error_us=int(facts.maxerror),
        estimated_error_us=int(facts.esterror),
    )

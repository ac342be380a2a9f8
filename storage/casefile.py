"""The case file: find, show, export, verify, status. One door; the work is in the files named here.

Everything works on a store opened for reading, beside a live watch.
"""

from storage.dossier import Casefile, File, Look, Told, chain, show
from storage.export import export
from storage.finding import Found, find
from storage.overview import ChannelStatus, Status, TargetStatus, status
from storage.verify import Fault, VerifyReport, verify

__all__ = [
    "Casefile",
    "ChannelStatus",
    "Fault",
    "File",
    "Found",
    "Look",
    "Status",
    "TargetStatus",
    "Told",
    "VerifyReport",
    "chain",
    "export",
    "find",
    "show",
    "status",
    "verify",
]

"""Who and what collected: facts of machine, program and configuration that every manifest names.

Constant while the program runs, but for the configuration. Not here: anything about a post.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import platform
from dataclasses import dataclass
from pathlib import Path

from storage.codec import Plain
from storage.version import VERSION

MACHINE_ID = Path("/etc/machine-id")
_PURPOSE = b"nightjar host id"
_DISTRIBUTION = "nightjar-watch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What the composition root knows. operator: whom to write to. config_sha256: of all its files."""

    operator: str = ""
    config_sha256: str = ""


def collection_facts(collection: Collection, zone: str) -> dict[str, Plain]:
    """The manifest's `collection` group, but for the clock."""
    return {
        "host_id": host_id(),
        "operator": collection.operator or "absent: none is configured",
        "duty_officer": "absent: the watch runs unattended; what people do is in the log",
        "local_time_zone": zone,
        "config_sha256": collection.config_sha256 or "absent: no configuration was loaded",
        "proxy": "none: the program connects directly and heeds no proxy settings",
        "egress_address": "absent: asking for it would tell a third party; connection.local is this side's",
    }


def software_facts() -> dict[str, Plain]:
    """The manifest's `software` group."""
    return dict(_software())


@functools.cache
def _software() -> dict[str, str]:
    return {
        "name": _DISTRIBUTION,
        "version": VERSION,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "dependencies_sha256": hashlib.sha256(dependencies()).hexdigest(),
    }


@functools.cache
def dependencies() -> bytes:
    """What is installed beside the program: sorted lines "name==version", as a lock would name it.

    Read from the environment that runs, which a lock file in a source tree may not describe.
    """
    from importlib.metadata import distributions  # a megabyte that only captures need

    found = {
        f"{name.lower().replace('_', '-')}=={one.version}"
        for one in distributions()
        if (name := one.metadata["Name"])
    }
    return "".join(f"{line}\n" for line in sorted(found)).encode()


@functools.cache
def host_id(source: Path = MACHINE_ID) -> str:
    """A steady name of the machine that tells nothing else of it, or "absent: why".

    HMAC-SHA-256 with the machine id as key, as machine-id(5) asks: the id itself is confidential.
    """
    try:
        key = source.read_text().strip().encode()
    except OSError as error:
        return f"absent: {source}: {error.strerror}"
    if not key:
        return f"absent: {source} is empty"
    return hmac.new(key, _PURPOSE, hashlib.sha256).hexdigest()[:32]

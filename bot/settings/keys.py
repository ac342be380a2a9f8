"""The tables of config.toml and targets.d/*.toml: every key, its type, default and bounds.

What stands here is what an admin may write; `bot.config` turns it into the words of
`storage.model`. The kinds' own keys (`[target.rules]`, a channel's keys) stand with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from bot.settings.checks import (
    allowed_host,
    body_bytes,
    contact_address,
    distinct_texts,
    filled_in,
    header_name,
    header_value,
    loopback_address,
    one_line,
    target_name,
    time_zone,
    visit_s,
    web_address,
    written_reason,
)
from bot.settings.units import seconds, size_bytes, wall_time
from storage.model import HostLimit, NightWindow

Text = Annotated[str, AfterValidator(one_line)]
Name = Annotated[str, AfterValidator(target_name)]
Filled = Annotated[str, Field(max_length=500), AfterValidator(filled_in)]
Url = Annotated[str, AfterValidator(web_address)]
Duration = Annotated[float, BeforeValidator(seconds)]
Size = Annotated[int, BeforeValidator(size_bytes)]
Time = Annotated[str, BeforeValidator(wall_time), "time"]
Zone = Annotated[str, AfterValidator(time_zone)]
Texts = Annotated[tuple[str, ...], AfterValidator(distinct_texts)]
HeaderName = Annotated[str, AfterValidator(header_name)]
HeaderValue = Annotated[str, AfterValidator(header_value)]
Allow = Annotated[str, AfterValidator(allowed_host)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NightjarKeys:
    """`[nightjar]`: what holds for the whole daemon."""

    contact: Annotated[str, AfterValidator(contact_address)]
    """E-mail or web address sent in the User-Agent, so that a site can reach you."""
    data_dir: Text = "data"
    """Folder of everything kept; relative to config.toml."""
    allow: tuple[Allow, ...] = ()
    """Hosts, `*.hosts`, addresses or networks that may be fetched although they are private."""
    admin_channels: Texts = ()
    """Channels that are told of troubles of the daemon itself; default: all channels."""
    lexicons: Texts = ()
    """Files of further terms, beside the one that is shipped; relative to config.toml."""
    gallery: str = ""
    """Folder of pictures that are known to show wildlife products; "" for none."""
    metrics: Annotated[str, AfterValidator(loopback_address)] = "127.0.0.1:9108"
    """Loopback address of /metrics, /healthz and /readyz; "" for none, port 0 for any."""
    picture_workers: Annotated[int, Field(ge=1, le=64)] = 2
    """Processes that decode pictures."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """From which level on the log is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKeys:
    """`[hosts."name"]`: how much one host may be asked, by all targets together."""

    requests_per_s: Annotated[float, Field(gt=0, le=100)] = HostLimit().requests_per_s
    """Starts of requests per second."""
    concurrency: Annotated[int, Field(ge=1, le=32)] = HostLimit().concurrency
    """Requests under way at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowKeys:
    """`window = { start = "21:00", end = "06:00" }`: the night, in the target's zone."""

    start: Time = NightWindow().start
    """First minute of the night."""
    end: Time = NightWindow().end
    """First minute after it; earlier than `start` when the night crosses midnight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceKeys:
    """The keys of a `[[target]]` that must fit one another; see `bounds`."""

    interval: Duration = 30.0
    """How often the listing is read in the night; at least 5s."""
    day_interval: Duration | None = None
    """How often it is read by day; left out: new posts are not hunted by day."""
    allow_fast: bool = False
    """Permits intervals under 5s, for hosts of your own."""
    window: WindowKeys = WindowKeys()
    """The night."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetKeys(PaceKeys):
    """`[[target]]`: one feed or page to watch."""

    name: Name
    """How people call it; unique over all files."""
    kind: Text
    """Which reader of `watchers/feeds/` understands it."""
    url: Url
    """Address of the feed or listing."""
    legal_basis: Filled
    """The law or order that allows this watch."""
    authorised_by: Filled
    """Who ordered it: office, name or file number."""
    review_after: date
    """Day after which the target stops until somebody has looked at it again."""
    zone: Zone = NightWindow().zone
    """IANA time zone of the window and of times without zone on the page."""
    jurisdiction: str = ""
    """Whose case it is, for routing alerts."""
    tags: Texts = ()
    """Words for routing and finding."""
    robots_override: Annotated[str, Field(max_length=500), AfterValidator(written_reason)] = ""
    """The written reason why robots.txt is not obeyed; logged and exported."""
    headers: dict[HeaderName, HeaderValue] = field(default_factory=dict)
    """Further request headers; log-ins are refused."""
    timeout: Annotated[Duration, AfterValidator(visit_s)] = 20.0
    """Longest time of one visit; 1s to 5m."""
    max_body: Annotated[Size, AfterValidator(body_bytes)] = 8_000_000
    """Longest body of one answer; 1KB to 100MB."""
    max_pictures: Annotated[int, Field(ge=0, le=500)] = 40
    """Most pictures kept of one post."""
    vigil_sample: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of the unsuspicious posts that is watched until it vanishes, 0 to 1."""
    rules: dict[str, object] = field(default_factory=dict)
    """Keys of the kind, in `[target.rules]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelKeys:
    """`[[channel]]`: where alerts go. The kind's own keys stand in the same table."""

    kind: Text
    """Which module of `bot/channels/` sends."""
    name: Name | None = None
    """How other tables call it; default: its kind."""
    min_tier: Literal["urgent", "high", "normal"] = "normal"
    """Quietest tier that is sent."""
    jurisdictions: Texts = ()
    """Only alerts of these jurisdictions; empty: all."""
    tags: Texts = ()
    """Only alerts with one of these tags; empty: all."""

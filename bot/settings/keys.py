"""The tables of config.toml and targets.d/*.toml: every key, its type, default and bounds.

What stands here is what an admin may write; `bot.config` turns it into the words of
`storage.model`. The kinds' own keys (`[target.rules]`, a channel's keys) stand with them.
"""

# ruff: noqa: RUF009 - `about` makes a field, as dataclasses.field does
from __future__ import annotations

from dataclasses import MISSING, dataclass, field
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from bot.settings.checks import (
    above_zero,
    allowed_host,
    authority_name,
    body_bytes,
    contact_address,
    cosigner_key,
    country_code,
    distinct_texts,
    filled_in,
    header_name,
    header_value,
    line_or_nothing,
    local_minute,
    loopback_address,
    one_line,
    stamp_interval_s,
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
Cosigner = Annotated[str, AfterValidator(cosigner_key)]
HeaderName = Annotated[str, AfterValidator(header_name)]
HeaderValue = Annotated[str, AfterValidator(header_value)]
Allow = Annotated[str, AfterValidator(allowed_host)]
Language = Literal["en", "zh-Hans"]
Rgb = tuple[float, float, float]
Days = Annotated[int, Field(ge=1, le=36_500)]


def about(text: str, default: Any = MISSING, *, factory: Any = MISSING) -> Any:
    """A key with the words that explain it, told when it is missing and printed in the manual."""
    if factory is not MISSING:
        return field(default_factory=factory, metadata={"about": text})
    return field(default=default, metadata={"about": text})


@dataclass(frozen=True, slots=True, kw_only=True)
class NightjarKeys:
    """`[nightjar]`: what holds for the whole daemon."""

    contact: Annotated[str, AfterValidator(contact_address)] = about(
        "e-mail or web address sent in the User-Agent, so that a site can reach you"
    )
    data_dir: Text = about("folder of everything kept; relative to config.toml", "data")
    allow: tuple[Allow, ...] = about(
        "hosts, `*.hosts`, addresses or networks that may be fetched although they are private", ()
    )
    admin_channels: Texts = about(
        "channels that are told of troubles of the daemon itself; default: all channels", ()
    )
    checkpoint_channels: Texts = about(
        "channels that get the signed root of the log each morning, as witnesses; left out: none", ()
    )
    lexicons: Texts = about(
        "files of further terms, beside the one that is shipped; relative to config.toml", ()
    )
    gallery: Annotated[str, AfterValidator(line_or_nothing)] = about(
        'folder of pictures known to show wildlife products, as PRODUCT/CASE/name.jpg; "" for none', ""
    )
    metrics: Annotated[str, AfterValidator(loopback_address)] = about(
        'loopback address of /metrics, /healthz and /readyz; "" for none, port 0 for any', "127.0.0.1:9108"
    )
    picture_workers: Annotated[int, Field(ge=1, le=64)] = about("processes that decode pictures", 2)
    read_pictures: bool = about("read the words in pictures, where the extra `ocr` is installed", True)
    witnesses: tuple[Cosigner, ...] = about(
        "verifier keys of second hosts that cosign the log, as `nightjar witness init` prints them", ()
    )
    log_level: Literal["debug", "info", "warning", "error"] = about(
        "from which level on the log is written", "info"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HintKeys:
    """`[hint]`: a classifier of your own, asked about pictures. Its answers are hints, never a verdict."""

    model: Text = about("ONNX file of a classifier of pictures; relative to config.toml")
    labels: Text = about("text file, one label a line, in the order of the model's outputs")
    wanted: Texts = about("labels that matter; left out: all of them", ())
    least: Annotated[float, Field(gt=0, le=1)] = about("probability from which on it is a hint", 0.5)
    layout: Literal["nchw", "nhwc"] | None = about(
        "order of the input's dimensions; left out: as the model says", None
    )
    side_px: Annotated[int, Field(ge=8, le=2_048)] | None = about(
        "side of the square input; left out: as the model says", None
    )
    mean: Rgb = about("taken from red, green and blue, which go from 0 to 1", (0.0, 0.0, 0.0))
    std: Annotated[Rgb, AfterValidator(above_zero)] = about("which they are then divided by", (1.0, 1.0, 1.0))
    softmax: bool | None = about(
        "whether outputs are made probabilities; left out: unless they add up to one", None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKeys:
    """`[hosts."name"]`: how much one host may be asked, by all targets together."""

    requests_per_s: Annotated[float, Field(gt=0, le=1_000)] = about(
        "starts of requests per second", HostLimit().requests_per_s
    )
    concurrency: Annotated[int, Field(ge=1, le=32)] = about(
        "requests under way at the same time", HostLimit().concurrency
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowKeys:
    """`window = { start = "21:00", end = "06:00" }`: the night, in the target's zone."""

    start: Time = about("first minute of the night", NightWindow().start)
    end: Time = about(
        "first minute after it; earlier than `start` when the night crosses midnight", NightWindow().end
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceKeys:
    """The keys of a `[[target]]` that must fit one another; see `bounds`."""

    interval: Duration = about("how often the listing is read in the night; at least 5s", 30.0)
    day_interval: Duration | None = about(
        "how often it is read by day; left out: new posts are not hunted by day", None
    )
    allow_fast: bool = about("permits intervals under 5s, for hosts of your own", False)
    window: WindowKeys = about("the night", WindowKeys())


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetKeys(PaceKeys):
    """`[[target]]`: one feed or page to watch."""

    name: Name = about("how people call it; unique over all files")
    kind: Text = about("which reader of `watchers/feeds/` understands it")
    url: Url = about("address of the feed or listing")
    legal_basis: Filled = about("the law or order that allows this watch")
    authorised_by: Filled = about("who ordered it: office, name or file number")
    review_after: date = about(
        "a date such as 2027-06-30, after which the target stops until somebody has looked at it again"
    )
    zone: Zone = about(
        "IANA time zone of the window and of times without zone on the page", NightWindow().zone
    )
    jurisdiction: Annotated[str, Field(max_length=100), AfterValidator(line_or_nothing)] = about(
        "whose case it is, for routing alerts", ""
    )
    country: Annotated[str, AfterValidator(country_code)] = about(
        "ISO 3166 code of the country the site is for, as `CN`: how telephone numbers and prices without a "
        "currency are understood",
        "",
    )
    tags: Texts = about("words for routing and finding", ())
    robots_override: Annotated[str, Field(max_length=500), AfterValidator(written_reason)] = about(
        "the written reason why robots.txt is not obeyed; logged and exported", ""
    )
    headers: dict[HeaderName, HeaderValue] = about(
        "further request headers; log-ins are refused", factory=dict
    )
    timeout: Annotated[Duration, AfterValidator(visit_s)] = about("longest time of one visit; 1s to 5m", 20.0)
    max_body: Annotated[Size, AfterValidator(body_bytes)] = about(
        "longest body of one answer; 1KB to 100MB", 8_000_000
    )
    max_pictures: Annotated[int, Field(ge=0, le=500)] = about("most pictures kept of one post", 40)
    vigil_sample: Annotated[float, Field(ge=0, le=1)] = about(
        "share of the unsuspicious posts that is watched until it vanishes, 0 to 1", 0.1
    )
    rules: dict[str, object] = about("keys of the kind, in `[target.rules]`", factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelKeys:
    """`[[channel]]`: where alerts go. The kind's own keys stand in the same table."""

    kind: Text = about("which module of `bot/channels/` sends")
    name: Name | None = about("how other tables call it; default: its kind", None)
    min_tier: Literal["urgent", "high", "normal"] = about("quietest tier that is sent", "normal")
    jurisdictions: Texts = about("only alerts of these jurisdictions; empty: all", ())
    tags: Texts = about("only alerts with one of these tags; empty: all", ())


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityKeys:
    """`[[authority]]`: who stamps the log's checkpoints with the time (RFC 3161). Two are advised."""

    name: Annotated[str, AfterValidator(authority_name)] = about(
        "how files and reports call it; unique; small letters, digits and -"
    )
    url: Url = about("address that takes time-stamp requests by POST")
    roots: Text = about("PEM file of the root certificates its tokens must lead to; relative to config.toml")
    every: Annotated[Duration, AfterValidator(stamp_interval_s)] = about(
        "how often the newest checkpoint is stamped when there is news; 10s to 1d; urgent ones at once",
        300.0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionKeys:
    """`[retention]`: after how many days what is kept is erased. What is left out is kept for ever."""

    unmatched_days: Days | None = about(
        "posts without a suspicion, counted from when they were last seen or sealed", None
    )
    matched_days: Days | None = about("posts with a verdict, and all posts of an item together", None)
    hold_days: Days | None = about("evidence of cases, counted from when the last of them was closed", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerKeys:
    """`[[officer]]`: somebody who may press buttons, or ask for contacts that are not starred."""

    name: Filled = about("as given with `--officer`, and as it stands in the log; unique")
    role: Literal["viewer", "officer", "investigator", "supervisor", "admin"] = about(
        "an officer acts on alerts; from investigator on contacts are seen in full, which is logged"
    )
    telegram: Annotated[int, Field(ge=1, lt=1 << 52)] | None = about(
        "Telegram user id (a number; names there can be changed by anybody); left out: not in the chat", None
    )
    language: Language | None = about("of his own chat with the bot", None)
    zone: Zone | None = about("IANA time zone of the times in his own chat; default: that of the rota", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatKeys:
    """`[[chat]]`: a group or channel in which the bot speaks; it leaves every other."""

    id: Annotated[int, Field(gt=-(1 << 52), lt=1 << 52)] = about("Telegram chat id; groups are negative")
    language: Language | None = about("of the bot's own words there", None)
    zone: Zone | None = about(
        "IANA time zone of the times told there; default: that of the rota, or UTC", None
    )
    contacts: Literal["starred", "full"] = about(
        "full: officers with that right see contacts there, and everybody else in the chat with them",
        "starred",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskKeys:
    """`[desk]`: the bot takes presses and commands. Without this table it only tells."""

    channel: Name = about("the [[channel]] of kind telegram whose bot listens")
    mode: Literal["polling", "webhook"] = about("polling needs no open port", "polling")
    language: Language = about("where neither chat nor officer has one", "en")
    fallback: Annotated[str, AfterValidator(line_or_nothing)] = about(
        'channel that is told of an urgent alert nobody took for 12 minutes; "" for none', ""
    )
    digest_at: Time = about("when the night's digest is sent, in the zone of the rota or UTC", "06:30")
    listen: Annotated[str, AfterValidator(loopback_address)] = about(
        "of a webhook: loopback address behind your proxy; port 0 for any", "127.0.0.1:9109"
    )
    webhook_url: Annotated[str, AfterValidator(line_or_nothing)] = about(
        "of a webhook: the https address that Telegram calls", ""
    )
    webhook_secret_file: Annotated[str, AfterValidator(line_or_nothing)] = about(
        "of a webhook: file of mode 0600 with the secret that Telegram sends along", ""
    )
    webhook_secret_env: Annotated[str, AfterValidator(line_or_nothing)] = about(
        "of a webhook: environment variable with that secret, instead of a file", ""
    )
    without_secret: bool = about("of a webhook: takes updates from anybody on loopback; for trials", False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftKeys:
    """`[[rota.shift]]`: hours of every day that have officers of their own."""

    officers: Annotated[Texts, Field(min_length=1)] = about("names; a week each, in turn")
    start: Time = about("first minute; the same as `end` for the whole day", "00:00")
    end: Time = about("first minute after it", "00:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideKeys:
    """`[[rota.override]]`: somebody else for a while."""

    starts: Annotated[str, AfterValidator(local_minute)] = about('local time such as "2027-02-06 18:00"')
    ends: Annotated[str, AfterValidator(local_minute)] = about("local time after it")
    officer: Annotated[str, AfterValidator(line_or_nothing)] = about(
        'name; "" when nobody is there, which `check` refuses for the night', ""
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RotaKeys:
    """`[rota]`: who is woken. From 21:00 to 06:00 somebody must be on call."""

    since: date = about("day on which the first officer's first week began, such as 2027-01-04")
    zone: Zone = about("IANA time zone of all times here", "UTC")
    handover: Time = about("when a week ends, on the weekday of `since`", "09:00")
    officers: Texts = about("names; a week each, in turn, the whole day; or use shifts", ())
    shift: tuple[ShiftKeys, ...] = about("tables headed [[rota.shift]]", ())
    override: tuple[OverrideKeys, ...] = about("tables headed [[rota.override]]", ())

"""The mistakes that `bench mistakes` plants: each with the file, table and key it must be told at.

Read together with bench/mistakes.py, which writes them into one directory.
"""

from __future__ import annotations

from dataclasses import dataclass

RIGHT = {
    "name": '"{name}"',
    "kind": '"rss"',
    "url": '"https://{name}.example.org/feed"',
    "legal_basis": '"Art. 341 Criminal Law, case 2026-17"',
    "authorised_by": '"Forest police, Kunming"',
    "review_after": "2099-06-30",
}
"""A `[[target]]` without a mistake."""


@dataclass(frozen=True, slots=True)
class Plant:
    """One planted mistake. key and nearest: what the report must say. expects: part of the reason."""

    what: str
    key: str
    nearest: str = ""
    expects: str = ""


@dataclass(frozen=True, slots=True)
class InTarget:
    """A target with one mistake. without: keys left out; lines: replace a key or stand for themselves."""

    plant: Plant
    lines: tuple[str, ...] = ()
    without: str = ""
    rules: str = ""


def bad(what: str, line: str, key: str = "", *, nearest: str = "", expects: str = "") -> InTarget:
    """A target with one wrong line; the key is the line's own unless another is named."""
    return InTarget(Plant(what, key or line.split(maxsplit=1)[0], nearest, expects), (line,))


def lacks(key: str) -> InTarget:
    """A target without a key that must be there."""
    return InTarget(Plant(f"{key} is missing", key, expects="required"), without=key)


def rule(what: str, text: str, key: str, *, nearest: str = "", expects: str = "") -> InTarget:
    """A target whose `[target.rules]` have the mistake."""
    return InTarget(Plant(what, f"rules.{key}" if key else "rules", nearest, expects), rules=text)


TARGETS: dict[str, tuple[InTarget, ...]] = {
    "authority": (
        lacks("name"),
        lacks("kind"),
        lacks("url"),
        lacks("legal_basis"),
        lacks("authorised_by"),
        lacks("review_after"),
        bad("placeholder as legal basis", 'legal_basis = "TODO"', expects="placeholder"),
        bad("blank authority", 'authorised_by = "  "'),
        bad("review date in words", 'review_after = "next summer"', expects="date"),
        bad("review date with a time", "review_after = 2027-06-30T12:00:00Z", expects="date"),
        bad("review date as a number", "review_after = 2027", expects="date"),
        bad("review date that does not exist", "review_after = 2027-02-30", expects="date"),
        bad("misspelt legal_basis", 'legal_base = "x"', "legal_base", nearest="legal_basis"),
    ),
    "addresses": (
        bad("other scheme", 'url = "ftp://a.example.org/feed"', expects="http"),
        bad("no host", 'url = "https:///feed"', expects="host"),
        bad("user and password in the address", 'url = "https://u:p@b.example.org/"', expects="log-in"),
        bad("blank in the address", 'url = "https://c.example.org/a b"', expects="spaces"),
        bad("session in the address", 'url = "https://d.example.org/?PHPSESSID=1f"', expects="log-in"),
        bad("port that is none", 'url = "https://e.example.org:99999/"', expects="port"),
        bad("address that is a number", "url = 5"),
        bad("kind that is unknown", 'kind = "rrs"', nearest="rss"),
        bad("name with a slash", 'name = "a/b"'),
        bad("misspelt url", 'ur = "x"', "ur", nearest="url"),
        bad("log-in by cookie", 'headers = { Cookie = "sid=1" }', "headers.Cookie", expects="log-in"),
        bad("log-in by header", 'headers = { "X-Api-Key" = "1" }', "headers.X-Api-Key", expects="log-in"),
        bad("header of our own", 'headers = { Host = "x" }', "headers.Host"),
        bad("header over two lines", 'headers = { X-A = "a\\nb" }', "headers.X-A"),
        bad("header that is a number", "headers = { X-B = 1 }", "headers.X-B"),
        bad("log-in by bearer", 'jurisdiction = "Bearer abcdefghijklmnop"', expects="secret"),
    ),
    "nights": (
        bad("interval without unit", 'interval = "30"', expects="30s"),
        bad("interval in words", 'interval = "half a minute"'),
        bad("interval under the floor", 'interval = "2s"', expects="too fast"),
        bad("interval that is negative", "interval = -30"),
        bad("interval that is no number", "interval = nan"),
        bad("interval longer than the night", 'interval = "10h"', expects="longer than the window"),
        bad("day interval under the floor", "day_interval = 1", expects="too fast"),
        bad("permission in quotes", 'allow_fast = "yes"', expects="true or false"),
        bad("night without a minute", 'window = { start = "21:00", end = "21:00" }', expects="same"),
        bad("time that does not exist", 'window = { start = "25:00" }', "window.start"),
        bad("misspelt end", 'window = { ende = "06:00" }', "window.ende", nearest="end"),
        bad("night as text", 'window = "21:00-06:00"', expects="table"),
        bad("zone that does not exist", 'zone = "Asia/Shangai"', nearest="Asia/Shanghai"),
        bad("zone by its city", 'zone = "Kolkata"', nearest="Asia/Kolkata"),
        bad("zone as an offset", 'zone = "GMT+8"'),
        bad("start outside its table", 'start = "21:00"', expects="window"),
        bad("misspelt interval", 'intervall = "30s"', nearest="interval"),
        bad("key in capitals", 'Zone = "UTC"', nearest="zone"),
        bad("dash for underscore", 'day-interval = "5m"', nearest="day_interval"),
    ),
    "bounds": (
        bad("one tag as text", 'tags = "ivory"', expects="list"),
        bad("blank tag", 'tags = ["ivory", ""]'),
        bad("tag given twice", 'tags = ["ivory", "ivory"]', expects="twice"),
        bad("tag that is a number", "tags = [1]", "tags[1]"),
        bad("override as a switch", "robots_override = true", expects="text"),
        bad("override without a reason", 'robots_override = "yes"', expects="reason"),
        bad("visit without end", 'timeout = "1h"'),
        bad("body in words", 'max_body = "8 megabytes"', expects="size"),
        bad("body of no size", "max_body = 10"),
        bad("negative number of pictures", "max_pictures = -1", expects="at least"),
        bad("half a picture", "max_pictures = 2.5", expects="whole"),
        bad("share over one", "vigil_sample = 10", expects="at most"),
        bad("limit in the wrong table", "requests_per_s = 2", expects="hosts"),
        bad("contact in the wrong table", 'contact = "a@example.org"', expects="nightjar"),
        bad("key that resembles none", "frobnicate = 1"),
        bad("date for text", "jurisdiction = 2027-01-01", expects="quotes"),
    ),
    "rules": (
        rule("rule that is unknown", "frobnicate = 1", "frobnicate"),
        rule(
            "key of the target below its rules", 'jurisdiction = "CN"', "jurisdiction", expects="[[target]]"
        ),
        rule("misspelt rule", "max_item = 5", "max_item", nearest="max_items"),
        rule("number in quotes among the rules", 'max_items = "5"', "max_items", expects="whole number"),
        rule("rule out of its bounds", "max_pages = 0", "max_pages"),
        rule("switch in quotes among the rules", 'page = "no"', "page", expects="true or false"),
        rule("zone among the rules that does not exist", 'zone = "Mars/Olympus"', "zone"),
        bad("rules as text", 'rules = "none"', expects="table"),
        rule("secret among the rules", 'api_key = "1"', "api_key", expects="secret"),
    ),
    "slips": (
        bad("text without quotes", "zone = Europe/Berlin", expects="quotes"),
        bad("time without quotes", "timeout = 20s", expects="quotes"),
        bad("True for true", "allow_fast = True", expects="small letters"),
        bad("list that is not closed", 'tags = ["a", "b"', expects="not closed"),
        bad("quote that is not closed", 'jurisdiction = "CN', expects="TOML"),
        bad("curly quotes", "jurisdiction = “CN”", expects="straight"),
        bad("value that is missing", "interval =", expects="missing"),
        InTarget(Plant("key given twice", "interval"), ("interval = 40", "interval  = 50")),
        bad("backslash in double quotes", 'jurisdiction = "C\\N"', expects="single quotes"),
    ),
}
"""By file of targets.d; every target has exactly one mistake."""

MAIN = """
[nightjar]
contact = "somebody"
data_dir = 5
admin_channels = ["nobody"]
lexicons = ["missing.tsv"]
gallery = "no-such-folder"
metrics = "0.0.0.0:9108"
picture_workers = 0
log_level = "loud"
allow = ["not a host"]
intervall = 3

[hosts."https://f.example.org/"]
[hosts."g.example.org"]
requests_per_s = 0
concurrency = 1.5
per_second = 1
[hosts."busy.example.org"]
requests_per_s = 0.01

[[channel]]
kind = "telegramm"
[[channel]]
name = "no kind"
[[channel]]
name = "literal"
kind = "telegram"
chat_id = 1
token = "not shown"
[[channel]]
name = "open file"
kind = "telegram"
chat_id = 2
token_file = "open.token"
[[channel]]
name = "no variable"
kind = "telegram"
chat_id = 3
token_env = "NIGHTJAR_BENCH_NO_SUCH_VARIABLE"
[[channel]]
name = "bounds"
kind = "webhook"
url = "https://hook.example.org/"
timeout_s = 99
[[channel]]
name = "colour"
kind = "console"
colour = "pink"
min_tier = "low"
[[channel]]
name = "colour"
kind = "ndjson"
tags = "ivory"

[[channel]]
name = "twin 1"
kind = "ndjson"
[[channel]]
name = "twin 2"
kind = "ndjson"

[chanel]
[extra]
"""
"""config.toml; what must be told of it stands in `IN_MAIN`."""

IN_MAIN: tuple[tuple[str, Plant], ...] = (
    ("[nightjar]", Plant("contact that reaches nobody", "contact")),
    ("[nightjar]", Plant("number for a folder", "data_dir")),
    ("[nightjar]", Plant("admin channel that is not there", "admin_channels")),
    ("[nightjar]", Plant("lexicon that is not there", "lexicons")),
    ("[nightjar]", Plant("gallery that is not there", "gallery")),
    ("[nightjar]", Plant("metrics open to all", "metrics", expects="loopback")),
    ("[nightjar]", Plant("no worker at all", "picture_workers")),
    ("[nightjar]", Plant("level that is unknown", "log_level")),
    ("[nightjar]", Plant("exception that is no host", "allow[1]")),
    ("[nightjar]", Plant("unknown key of the daemon", "intervall")),
    ("[hosts", Plant("address for a host name", "", expects="host name")),
    ('[hosts."g.example.org"]', Plant("no request at all", "requests_per_s")),
    ('[hosts."g.example.org"]', Plant("half a request", "concurrency")),
    ('[hosts."g.example.org"]', Plant("unknown limit", "per_second")),
    ("[[channel]] #1", Plant("channel kind that is unknown", "kind", "telegram")),
    ('[[channel]] #2 "no kind"', Plant("channel without kind", "kind", expects="required")),
    ('[[channel]] #3 "literal"', Plant("secret in TOML", "token", "token_file", "secret")),
    ('[[channel]] #4 "open file"', Plant("secret file that others can read", "token_file", expects="chmod")),
    ('[[channel]] #5 "no variable"', Plant("secret that is not set", "token_env", expects="not set")),
    ('[[channel]] #6 "bounds"', Plant("value that the channel refuses", "timeout_s")),
    ('[[channel]] #7 "colour"', Plant("choice that is unknown", "colour")),
    ('[[channel]] #7 "colour"', Plant("tier that is unknown", "min_tier")),
    ('[[channel]] #8 "colour"', Plant("channel name used twice", "name", expects="already")),
    ('[[channel]] #8 "colour"', Plant("one tag as text for a channel", "tags", expects="list")),
    ('[[channel]] #10 "twin 2"', Plant("channel that tells everything twice", "", expects="twice")),
    ("", Plant("misspelt table", "chanel", "channel")),
    ("", Plant("unknown table", "extra")),
)
"""(table, plant) for config.toml."""

MORE: dict[str, tuple[str, tuple[tuple[str, Plant], ...]]] = {
    "misplaced": (
        '[nightjar]\ncontact = "a@example.org"\n[hosts."g.example.org"]\nconcurrency = 2\n',
        (
            ("[nightjar]", Plant("daemon's table among the targets", "")),
            ('[hosts."g.example.org"]', Plant("host with two tables", "", expects="already")),
        ),
    ),
    "single": (
        "[target]\n" + "\n".join(f"{k} = {v}" for k, v in RIGHT.items()).replace("{name}", "single") + "\n",
        (("", Plant("single brackets for a target", "target", expects="[[target]]")),),
    ),
    "unquoted": (
        "[hosts.h.example.org]\nconcurrency = 2\n",
        (('[hosts."h"]', Plant("host name without quotes", "", expects='"h.example.org"')),),
    ),
    "latin1": ("# caf\udce9\n", (("", Plant("file that is not UTF-8", "", expects="UTF-8")),)),
}
"""Further files of targets.d that are written as they stand."""

"""The words of the project: one frozen type per stage of the path.

    Target -> Response -> Listing/Post -> Snapshot -> Evidence -> Verdict -> Item
           -> Alert -> Delivery        (and Sighting, Lifetime for the watch on)

A stage makes the next value and never edits the last one. Times are aware UTC;
durations are seconds (`_s`); sizes are bytes. Imports nothing heavy, by contract.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

from storage.duty import Duty

Sha256 = NewType("Sha256", str)
"""64 lower-case hexadecimal digits; the name of a blob."""
EvidenceId = NewType("EvidenceId", str)
ItemId = NewType("ItemId", str)
AlertId = NewType("AlertId", str)


def sha256_of(data: bytes) -> Sha256:
    """The name of `data`."""
    return Sha256(hashlib.sha256(data).hexdigest())


def new_id(now: datetime) -> str:
    """A UUIDv7 (RFC 9562, 5.7) as 32 hex digits: sorts by `now`, unique by 74 random bits."""
    ms = int(now.timestamp() * 1000) & ((1 << 48) - 1)
    random = int.from_bytes(os.urandom(10))
    value = ms << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64 | 0b10 << 62 | random & ((1 << 62) - 1)
    return f"{value:032x}"


# --- targets ---------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """By whose right a target is watched. A target without it does not start."""

    legal_basis: str
    authorised_by: str
    review_after: date


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLimit:
    """How much one host may be asked: starts per second, and requests at the same time."""

    requests_per_s: float = 1.0
    concurrency: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NightWindow:
    """Local wall times; `start` > `end` crosses midnight. `zone` is an IANA name."""

    start: str = "21:00"
    end: str = "06:00"
    zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One watched feed or page, as the admin wrote it.

    interval_s: poll period inside the window. day_interval_s: the same outside it, or
    None when new posts are not hunted by day. rules: the `Settings` of its feed kind.
    robots_override: the written reason why robots.txt is not obeyed, or "" (obeyed).
    country: ISO 3166 code of the country that the site is for, or "".
    vigil_sample: share 0..1 of the unmatched posts that is watched until it vanishes.
    """

    name: str
    kind: str
    url: str
    authority: Authority
    rules: object
    interval_s: float = 30.0
    day_interval_s: float | None = None
    window: NightWindow = NightWindow()
    jurisdiction: str = ""
    country: str = ""
    tags: tuple[str, ...] = ()
    host_limit: HostLimit = HostLimit()
    robots_override: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    timeout_s: float = 20.0
    max_body_bytes: int = 8_000_000
    max_pictures: int = 40
    vigil_sample: float = 0.1
    digest: str = ""
    """SHA-256 of the target's TOML as read, so evidence can name the rules in force."""


# --- what comes over the wire -----------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Facts of the very connection that carried a response. Empty string: not known.

    certificate_der: the leaf. chain_der: every certificate as the peer sent it, leaf first;
    chain_absent: why there is only the leaf, or none.
    """

    peer: str = ""
    local: str = ""
    dns: tuple[str, ...] = ()
    http_version: str = ""
    tls_version: str = ""
    cipher: str = ""
    certificate_der: bytes = b""
    chain_der: tuple[bytes, ...] = ()
    chain_absent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One redirect that was followed. answer: the whole of it, where its body is short."""

    url: str
    status: int
    location: str
    answer: Response | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer, bounded and complete, or as far as it came.

    url: the address that answered (after redirects). body: content-decoded bytes.
    wire / wire_request: exact bytes of the answer / of our request head when had.
    framing says what `wire` is: "exact" (the whole answer), "head" (its head alone: the
    body came bare, so wire + body are the exact bytes), "normalised" (b"": not had).
    headers: as received (latin-1), order and case kept. shortfall: "" when
    whole, else why the body is incomplete. elapsed_s: monotonic. started_ns, first_byte_ns,
    ended_ns: the same instants on the monotonic clock, 0 when not known. attempt: 1 for the
    first try. request_framing: "exact" when wire_request is what went to the socket,
    "normalised" when it was written again from the header list.
    """

    url: str
    requested_url: str
    status: int
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    wire: bytes = b""
    wire_request: bytes = b""
    framing: str = "normalised"
    hops: tuple[Hop, ...] = ()
    connection: Connection = Connection()
    started_at: datetime
    first_byte_at: datetime
    ended_at: datetime
    elapsed_s: float = 0.0
    shortfall: str = ""
    started_ns: int = 0
    first_byte_ns: int = 0
    ended_ns: int = 0
    attempt: int = 1
    request_framing: str = "normalised"

    def header(self, name: str) -> str:
        """First value of a header, case-insensitive, or ""."""
        wanted, length = name.lower(), len(name)
        for key, value in self.headers:
            if len(key) == length and key.lower() == wanted:
                return value
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What a conditional request sends back: ETag and Last-Modified as received."""

    etag: str = ""
    last_modified: str = ""


# --- posts -------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRef:
    """A picture a post points at. role: full, thumbnail, poster (of a video) or avatar.

    key: what stays the same when the address carries a token that changes by itself, or "".
    """

    url: str
    role: str = "full"
    alt: str = ""
    key: str = ""


NO_PAGE = ("own page", "none")
"""In `Post.extra`: it has no page of its own, its address is the listing's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One advert as read from its page or listing; every field may be hostile text.

    post_id: stable within its target over edits. url: its own page, or the listing's
    address when it has none. *_raw: as the site wrote it; posted_at: parsed, or None.
    price: raw text. extra: further named fields, in order.
    """

    post_id: str
    url: str
    title: str = ""
    text: str = ""
    seller: str = ""
    seller_url: str = ""
    price: str = ""
    location: str = ""
    posted_raw: str = ""
    posted_at: datetime | None = None
    edited: bool = False
    pictures: tuple[PictureRef, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()

    def digest(self) -> str:
        """SHA-256 over what the seller controls, to tell an edit from an unchanged sighting.

        Relative times, counters and extra fields are left out: they change by themselves.
        """
        parts = (self.title, self.text, self.seller, self.price, self.location)
        joined = "\x1f".join(parts) + "\x1e" + "\x1f".join(p.key or p.url for p in self.pictures)
        return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What one listing page yields. notes: what was looked for and not found, for `try`."""

    posts: tuple[Post, ...]
    title: str = ""
    next_url: str = ""
    notes: tuple[str, ...] = ()


# --- evidence -----------------------------------------------------------------


class Observation(StrEnum):
    """Why a look at a post was kept."""

    SEEN = "seen"
    CHANGED = "changed"
    REAPPEARED = "reappeared"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureCapture:
    """One picture of a snapshot: its answer, or the reason why there is none."""

    ref: PictureRef
    response: Response | None = None
    absent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything fetched for one look at one post. page None: the listing is all there is.

    previous: the evidence this look follows in the chain, or "". absences: what could not
    be had, and why. listed_at: when the listing that showed the post was received; `captured_at`
    when none did.
    feed_kind, feed_url: the feed in which the post was found, "" when not known.
    """

    target: str
    target_digest: str
    observation: Observation
    post: Post
    listing: Response | None
    page: Response | None
    pictures: tuple[PictureCapture, ...]
    listed_at: datetime
    captured_at: datetime
    previous: str = ""
    absences: tuple[str, ...] = ()
    robots_override: str = ""
    feed_kind: str = ""
    feed_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What a classifier of the admin's own took a picture for, and how sure it was, 0..1. Never a verdict."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A stored picture. phash/dhash: 64-bit hashes as 16 hex digits, "" when there is none.

    pdqs: PDQ hashes, 64 hex digits each: of the whole picture, of it without its border, of
    frames that move. quality: of the first, 0..100. recipe: how all these were made; hashes of
    different recipes are not quite alike. codes: what its QR codes say. words: lines that were
    read in it; none before that, or where nothing reads. hints: likewise, of a classifier, the surest first.
    note: "truncated", "animated: 5 frames seen", "flat: no hash", joined by "; ".
    """

    sha256: Sha256
    url: str = ""
    size_bytes: int = 0
    width: int = 0
    height: int = 0
    format: str = ""
    phash: str = ""
    dhash: str = ""
    undecodable: str = ""
    note: str = ""
    pdqs: tuple[str, ...] = ()
    quality: int = 0
    recipe: str = ""
    codes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    hints: tuple[Hint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A sealed snapshot: durable, named, in the log. What judging and people work from.

    listed_at: when a listing showed the post; `captured_at` when the look came from none.
    """

    evidence_id: EvidenceId
    target: str
    observation: Observation
    post: Post
    manifest_sha256: Sha256
    leaf_index: int
    listed_at: datetime
    captured_at: datetime
    sealed_at: datetime
    previous: str = ""
    pictures: tuple[Picture, ...] = ()
    page_sha256: str = ""
    listing_sha256: str = ""
    absences: tuple[str, ...] = ()

    @property
    def was_listed(self) -> bool:
        """Whether the look came from a listing that showed the post."""
        return self.listed_at != self.captured_at


# --- judging ------------------------------------------------------------------


class Tier(StrEnum):
    """How loudly a verdict speaks. NONE raises no alert."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    NONE = "none"

    @property
    def rank(self) -> int:
        """0 urgent ... 3 none."""
        return list(Tier).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One part of a score. kind: term, picture, seller, contact, price, cue, context, hour.

    what: for people; span: the raw text that matched; detail: term tier, view, distance.
    """

    kind: str
    what: str
    weight: float
    span: str = ""
    detail: str = ""


class Likeness(StrEnum):
    """How surely two pictures show the same photograph. A help to people, never a verdict."""

    SAME = "same picture"
    VERY_LIKELY = "very likely"
    REVIEW = "review: same scene perhaps"

    @property
    def rank(self) -> int:
        """0 same ... 2 review."""
        return list(Likeness).index(self)


SAME_PHASH_BITS = 5
"""Distance of phash-64 with less than one false pair in a million (facts: imaging, section 2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureMatch:
    """A picture of the post resembles a kept one. known: evidence id or "gallery:NAME".

    by: what found it, "phash" (64 bits), "pdq" (256 bits) or "orb" (points that lie alike).
    distance_bits: differing bits of the hash; of "orb" none. points: of "orb", how many lie alike, and
    differing_percent: in how much of what overlaps the known picture is not to be seen all the same.
    turned: how the picture lies beside the known one, as "mirrored"; "" for the same way.
    """

    sha256: Sha256
    known: str
    known_sha256: Sha256
    distance_bits: int
    known_tier: Tier = Tier.NONE
    label: str = ""
    by: str = "phash"
    points: int = 0
    differing_percent: int = 0
    turned: str = ""

    @property
    def likeness(self) -> Likeness:
        """Source of the limits: facts imaging, sections 2 and 8."""
        if self.by == "orb":
            same = self.points >= SURE_POINTS and self.differing_percent <= SURE_DIFFERING_PERCENT
            return Likeness.VERY_LIKELY if same else Likeness.REVIEW
        if self.by == "pdq":
            if self.distance_bits <= SAME_PDQ_BITS:
                return Likeness.SAME
            return Likeness.VERY_LIKELY if self.distance_bits <= LIKELY_PDQ_BITS else Likeness.REVIEW
        return Likeness.SAME if self.distance_bits <= SAME_PHASH_BITS else Likeness.REVIEW

    @property
    def is_sure(self) -> bool:
        """Whether both very likely show one photograph; what is only to be looked at links nothing."""
        return self.likeness is not Likeness.REVIEW

    @property
    def surest_first(self) -> tuple[int, int, int, int]:
        """A key by which the surest of several matches comes first."""
        return self.likeness.rank, self.distance_bits, self.differing_percent, -self.points


SAME_PDQ_BITS, LIKELY_PDQ_BITS, NEAR_PDQ_BITS = 31, 48, 64
"""PDQ distances up to which pictures are the same, very likely so, or worth a look."""
SURE_POINTS = 10
"""Points that lie alike from which on two pictures may share a photograph: by chance up to 9 do."""
SURE_DIFFERING_PERCENT = 6
"""Up to which they do: other goods on one cloth differ by 9 at least (`tests/pictures/test_agreement.py`)."""


def shows(parts: int, differing_percent: int) -> bool:
    """Whether a picture laid over a known one shows it; a hash of what it may have been is near too.

    parts: seen of both. Under a watermark a quarter may differ; others near by a hash fitted nowhere.
    """
    least = 20 if differing_percent <= SURE_DIFFERING_PERCENT else 40
    return parts >= least and differing_percent <= 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An inference, kept apart from the facts: score 0..100, tier, and every reason."""

    score: int
    tier: Tier
    reasons: tuple[Reason, ...]
    products: tuple[str, ...] = ()
    lexicon_version: str = ""
    contacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict with what it was made from: goes into ONE transaction with item and outbox.

    elsewhere: evidence of the very same post by another target's name, "" for none; it is of that one's item.
    """

    evidence: Evidence
    verdict: Verdict
    pictures: tuple[Picture, ...] = ()
    matches: tuple[PictureMatch, ...] = ()
    judged_at: datetime
    elsewhere: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """The thing for sale over re-posts and accounts."""

    item_id: ItemId
    tier: Tier
    first_evidence: EvidenceId
    members: int = 1


# --- alerts --------------------------------------------------------------------


class AlertKind(StrEnum):
    """new: an item speaks for the first time (or louder). The others revise a card."""

    NEW = "new"
    REPOST = "repost"
    CHANGED = "changed"
    DELETED = "deleted"
    REAPPEARED = "reappeared"
    READ = "read"
    """More was read in its pictures: it speaks louder and anew, or revises its card with what was found."""
    HINTED = "hinted"
    """A classifier of the admin's own says something of its pictures: it revises its card, no louder."""
    DUTY = "duty"
    """Nothing new of the post: somebody took, passed on or resolved its alert."""
    INCIDENT = "incident"
    """One message that shows many alerts of a storm; its members are in the outbox (`incidents`)."""
    NOTICE = "notice"
    """To the admin channel: a target unwell, a bad live edit, a store in trouble."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """Between which two instants a post vanished, or that it is still up.

    missing_class: 410, 404, soft404, off-feed ... the class of the first missing look.
    """

    last_seen_at: datetime
    first_missing_at: datetime | None = None
    confirmations: int = 0
    missing_class: str = ""
    control: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field that an edit changed: a stretch of the old and the new text, one line each.

    start: the first character that differs, in both. ends: behind the last one, in each; it may
    lie beyond the stretch. counts: of pictures, instead of texts: ("added", 2).
    """

    what: str
    before: str = ""
    after: str = ""
    start: int = 0
    ends: tuple[int, int] = (0, 0)
    counts: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What a look changed against the look `previous`. contacts: found by judging that one."""

    previous: str
    changes: tuple[Change, ...]
    contacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SameItem:
    """Another alert that was told of the same item, when it was written, and where that stands."""

    alert_id: str
    created_at: datetime
    duty: Duty | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What people are to be told; written with the verdict, rendered at delivery.

    revises: the alert whose card this one updates, or "". notice: text of a NOTICE.
    edit: of a changed post; None when the look before is not at hand.
    log_size, log_root: the log as it was then, with its root in hex; 0 and "" when not known.
    duty: where its card stands among people, None for a notice. shows: of a DUTY, what the card said before.
    first_at: when its post was captured first. same: another card of its item, see `storage.pointers`.
    """

    alert_id: AlertId
    kind: AlertKind
    tier: Tier
    created_at: datetime
    item: Item | None = None
    evidence: Evidence | None = None
    verdict: Verdict | None = None
    matches: tuple[PictureMatch, ...] = ()
    lifetime: Lifetime | None = None
    revises: str = ""
    notice: str = ""
    jurisdiction: str = ""
    tags: tuple[str, ...] = ()
    log_size: int = 0
    log_root: str = ""
    edit: Edit | None = None
    duty: Duty | None = None
    shows: AlertKind | None = None
    first_at: datetime | None = None
    same: SameItem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One alert on its way to one channel; receipt is the channel's own mark of the card."""

    delivery_id: int
    channel: str
    alert: Alert
    attempts: int = 0
    uncertain: bool = False
    """An earlier attempt may have reached people: its answer was lost."""
    receipt: str = ""
    previous_receipt: str = ""
    """Receipt of the delivery of the alert that this one revises, in the same channel."""
    card_sent_at: datetime | None = None
    """When the card that this one revises was sent there."""
    intent: str = ""
    """What was about to be sent when the answer was lost (`lane_words.Intent`), or ""."""


# --- the watch on ----------------------------------------------------------------


class Presence(StrEnum):
    """What one look said about a post. Only the GONE classes can ever mean "deleted"."""

    ALIVE = "alive"
    GONE_410 = "410"
    GONE_404 = "404"
    SOFT_404 = "soft404"
    SKIPPED = "skipped"
    """No page of its own; the listing shows its older and newer neighbours, but not it."""
    OFF_FEED = "off-feed"
    LOGIN_WALL = "login-wall"
    BLOCKED = "blocked"
    HOST_DOWN = "host-down"
    UNKNOWN = "unknown"

    @property
    def says_gone(self) -> bool:
        """True where the site itself, asked for this post, says it is not there."""
        return self in (Presence.GONE_410, Presence.GONE_404, Presence.SOFT_404, Presence.SKIPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One dated look in the vigil. control: what showed the host alive in the same minute.

    digest: SHA-256 of the body that was read, "" when there was none.
    """

    target: str
    post_id: str
    looked_at: datetime
    presence: Presence
    status: int = 0
    control: str = ""
    why: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A post as a listing showed it. digest: of its listed form. told: it stands in an earlier line.

    salt: 128 random bits, so that the line's hash tells nothing once the line was erased.
    """

    post_id: str
    digest: str
    salt: str
    told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Polls:
    """Polls of a listing that showed the same posts, aggregated: the posts were there unchanged.

    polled_at: the starts of the requests. not_modified: how many of them were answered 304.
    body_sha256: of the listing as it came, "" when it differed from poll to poll. posts: in
    page order. told: whether their hashes stand in an earlier line.
    """

    target: str
    polled_at: tuple[datetime, ...]
    not_modified: int = 0
    body_sha256: str = ""
    posts: tuple[Listed, ...] = ()
    told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A post under watch, as the store knows it: the state of its vigil.

    digest: of the listing form of the post; page_digest: of its last captured form.
    first_missing_at/missing_looks/missing_class: the run of "gone" looks so far.
    matched: it raised an alert. closed: deletion confirmed, or the vigil was given up.
    """

    target: str
    post_id: str
    url: str
    digest: str
    evidence_id: EvidenceId
    first_seen_at: datetime
    last_seen_at: datetime
    next_look_at: datetime | None = None
    looks: int = 0
    first_missing_at: datetime | None = None
    missing_looks: int = 0
    missing_class: str = ""
    matched: bool = False
    closed: bool = False
    page_digest: str = ""
    incomplete: bool = False
    """The last capture missed something that a later look may still get."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What a target's polls are expected to meet. met: share 0..1 of its posts; posts: of a whole night.

    short: what costs the rest: own (some live shorter than its interval), host (its host may not be
    asked more often), night (the whole watch may not), floor (it promises least of all).
    """

    interval_s: float
    configured_s: float
    met: float
    posts: float
    short: str


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a target has been read, durable, so a restart goes on where it was.

    Not frozen: the counts of a poll with nothing new, as nearly all are, move in place.
    """

    target: str
    validators: Validators = Validators()
    listing_digest: str = ""
    last_poll_at: datetime | None = None
    last_good_at: datetime | None = None
    health: str = "new"
    """new, ok, failing, blocked, paused, expired, unfilled, forbidden"""
    reason: str = ""
    failures: int = 0
    polls: int = 0
    posts_seen: int = 0
    bytes_read: int = 0
    not_modified: int = 0
    late_polls: int = 0
    retry_at: datetime | None = None
    achieved_interval_s: float = 0.0
    usual_yield: float = 0.0
    last_yield: int = 0
    pace: Pace | None = None
    gaps: int = 0
    """Listings that showed no post known from the one before: some may have come and gone unseen."""
    gap_at: datetime | None = None
    extra: tuple[tuple[str, str], ...] = field(default=())

"""The rows, as tortoise models. They never leave this room: callers get frozen words.

Rules: ids are made by us (bulk inserts return none); times are microseconds UTC in a
field that refuses naive values; perceptual hashes are signed 64-bit (SQLite has no
unsigned); indexes stand in `Meta.indexes` only, since migrations lose the others; and
`table_description` is set, or tortoise would put the docstring into the schema.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from tortoise import fields
from tortoise.fields.base import Field
from tortoise.indexes import Index
from tortoise.models import Model

from storage.codec import clean, micros, moment


class Moment(Field[datetime], datetime):  # tortoise takes the second base as field_type
    """An aware datetime, kept as microseconds since 1970 UTC in 64 bits: exact, sorts, no zones.

    Raises ValueError for a naive value, which tortoise's own field lets pass.
    """

    SQL_TYPE = "BIGINT"

    def to_db_value(self, value: Any, instance: object) -> int | None:  # noqa: ARG002
        """Microseconds, or None."""
        return None if value is None else value if isinstance(value, int) else micros(value)

    def to_python_value(self, value: Any) -> datetime | None:
        """Aware UTC, or None."""
        if isinstance(value, datetime):
            micros(value)
            return value
        return None if value is None else moment(value)


def key_of(target: str, post_id: str) -> str:
    """The content id of a watched post: 32 hex digits of SHA-256 over both names."""
    joined = f"{clean(target)}\0{clean(post_id)}".encode()
    return hashlib.sha256(joined).hexdigest()[:32]


def to_signed(hex64: str) -> int:
    """A 64-bit perceptual hash (16 hex digits) as SQLite can hold it: two's complement."""
    value = int(hex64, 16)
    return value - (1 << 64) if value >> 63 else value


def to_hex(signed: int) -> str:
    """The reverse of `to_signed`."""
    return f"{signed & (1 << 64) - 1:016x}"


def pdqs_of(joined: bytes | None) -> tuple[str, ...]:
    """The PDQ hashes of a row as 64 hex digits each."""
    return tuple(joined[at : at + 32].hex() for at in range(0, len(joined), 32)) if joined else ()


class ObservationRow(Model):
    """A sealed look at a post. `seq` is its leaf index in the log; `judged` starts true for MISSING."""

    seq = fields.BigIntField(primary_key=True)
    evidence_id = fields.CharField(max_length=32)
    post_key = fields.CharField(max_length=32)
    target = fields.CharField(max_length=255)
    post_id = fields.TextField()
    observation = fields.CharField(max_length=16)
    post = fields.TextField()
    manifest_sha256 = fields.CharField(max_length=64)
    page_sha256 = fields.CharField(max_length=64)
    listing_sha256 = fields.CharField(max_length=64)
    listed_at = Moment()
    captured_at = Moment()
    sealed_at = Moment()
    previous = fields.CharField(max_length=32)
    absences = fields.TextField()
    lifetime = fields.TextField(null=True)
    judged = fields.BooleanField()

    class Meta:
        table = "observation"
        app = "storage"
        table_description = "observation"
        unique_together = (("evidence_id",),)
        indexes = (
            Index(fields=("post_key", "seq"), name="observation_post"),
            Index(fields=("judged", "seq"), name="observation_judged"),
            Index(fields=("captured_at",), name="observation_captured"),
            Index(fields=("target", "captured_at"), name="observation_target"),
        )


class BlobRow(Model):
    """A stored file: known to exist since the transaction that first named it."""

    sha256 = fields.CharField(max_length=64, primary_key=True)
    size_bytes = fields.BigIntField()

    class Meta:
        table = "blob"
        app = "storage"
        table_description = "blob"


class PictureRow(Model):
    """What was read out of a picture's bytes: derived, the same wherever the bytes were found."""

    sha256 = fields.CharField(max_length=64, primary_key=True)
    width = fields.IntField()
    height = fields.IntField()
    format = fields.TextField()
    phash = fields.BigIntField(null=True)
    dhash = fields.BigIntField(null=True)
    undecodable = fields.TextField()
    note = fields.TextField()
    pdqs = fields.BinaryField(null=True)
    """PDQ hashes, 32 bytes each."""
    quality = fields.IntField(null=True)
    recipe = fields.TextField(null=True)
    """How the hashes were made; null for "nj1", of before they were marked."""
    codes = fields.TextField(null=True)
    """What the picture's QR codes say, a JSON list; null for none."""

    class Meta:
        table = "picture"
        app = "storage"
        table_description = "picture"


class EvidencePictureRow(Model):
    """Picture `position` of an observation."""

    id = fields.BigIntField(primary_key=True)
    """seq * 4096 + position: made by us, sorts by observation."""
    seq = fields.BigIntField()
    sha256 = fields.CharField(max_length=64)
    url = fields.TextField()
    size_bytes = fields.BigIntField()

    class Meta:
        table = "evidence_picture"
        app = "storage"
        table_description = "evidence_picture"
        indexes = (Index(fields=("sha256",), name="evidence_picture_sha256"),)


class VerdictRow(Model):
    """What was inferred from an observation, kept apart from the facts.

    leaf: index of the log entry that names the SHA-256 of `record`, the salted canonical text of
    the verdict. Both null for verdicts that were made before the log held them.
    """

    seq = fields.BigIntField(primary_key=True)
    score = fields.IntField()
    tier = fields.CharField(max_length=8)
    verdict = fields.TextField()
    matches = fields.TextField()
    judged_at = Moment()
    leaf = fields.BigIntField(null=True)
    record = fields.TextField(null=True)

    class Meta:
        table = "verdict"
        app = "storage"
        table_description = "verdict"
        indexes = (Index(fields=("leaf",), name="verdict_leaf"),)


class ItemRow(Model):
    """The thing for sale. `card`: the alert whose card speaks for it, or ""."""

    item_id = fields.CharField(max_length=32, primary_key=True)
    tier = fields.CharField(max_length=8)
    first_evidence = fields.CharField(max_length=32)
    members = fields.IntField()
    card = fields.CharField(max_length=32)
    created_at = Moment()

    class Meta:
        table = "item"
        app = "storage"
        table_description = "item"


class MemberRow(Model):
    """A post belongs to at most one item."""

    post_key = fields.CharField(max_length=32, primary_key=True)
    item_id = fields.CharField(max_length=32)
    joined_at = Moment()

    class Meta:
        table = "member"
        app = "storage"
        table_description = "member"
        indexes = (Index(fields=("item_id",), name="member_item"),)


class ItemKnownRow(Model):
    """Of which item a picture of the gallery is: posts that show it join there."""

    known_sha256 = fields.CharField(max_length=64, primary_key=True)
    item_id = fields.CharField(max_length=32)

    class Meta:
        table = "item_known"
        app = "storage"
        table_description = "item_known"
        indexes = (Index(fields=("item_id",), name="item_known_item"),)


class AlertRow(Model):
    """What people are to be told. (seq, kind) is unique: judging twice tells once.

    log_size, log_root: the log when the alert was written, its root in hex; null for notices.
    """

    alert_id = fields.CharField(max_length=32, primary_key=True)
    kind = fields.CharField(max_length=16)
    tier = fields.CharField(max_length=8)
    created_at = Moment()
    item_id = fields.CharField(max_length=32)
    seq = fields.BigIntField(null=True)
    revises = fields.CharField(max_length=32)
    lifetime = fields.TextField(null=True)
    notice = fields.TextField()
    jurisdiction = fields.TextField()
    tags = fields.TextField()
    log_size = fields.BigIntField(null=True)
    log_root = fields.CharField(max_length=64, null=True)

    class Meta:
        table = "alert"
        app = "storage"
        table_description = "alert"
        unique_together = (("seq", "kind"),)
        indexes = (
            Index(fields=("item_id", "created_at"), name="alert_item"),
            Index(fields=("kind", "created_at"), name="alert_kind"),
        )


class DeliveryRow(Model):
    """One alert on its way to one channel. state: waiting, sending, delivered, dead, withdrawn.

    card: the alert whose card is spoken or revised; deliveries of one card and channel go in order.
    intent: what was about to be sent, as the channel needs it to look for it later (`lane_words.Intent`).
    inside: the incident whose message shows the alert in place of one of its own.
    """

    id = fields.BigIntField(primary_key=True)
    alert_id = fields.CharField(max_length=32)
    card = fields.CharField(max_length=32)
    channel = fields.CharField(max_length=128)
    state = fields.CharField(max_length=16)
    rank = fields.IntField()
    due_at = Moment()
    attempts = fields.IntField()
    uncertain = fields.BooleanField()
    sending_at = Moment(null=True)
    delivered_at = Moment(null=True)
    receipt = fields.TextField()
    why = fields.TextField()
    intent = fields.TextField(null=True)
    inside = fields.CharField(max_length=32, null=True)

    class Meta:
        table = "delivery"
        app = "storage"
        table_description = "delivery"
        unique_together = (("alert_id", "channel"),)
        indexes = (
            Index(fields=("channel", "state", "rank", "due_at"), name="delivery_due"),
            Index(fields=("channel", "card", "state"), name="delivery_card"),
            Index(fields=("inside",), name="delivery_inside"),
        )


class WatchedRow(Model):
    """The vigil of a post. The key is `key_of(target, post_id)`."""

    post_key = fields.CharField(max_length=32, primary_key=True)
    target = fields.CharField(max_length=255)
    post_id = fields.TextField()
    url = fields.TextField()
    digest = fields.CharField(max_length=64)
    evidence_id = fields.CharField(max_length=32)
    first_seen_at = Moment()
    last_seen_at = Moment()
    next_look_at = Moment(null=True)
    looks = fields.IntField()
    first_missing_at = Moment(null=True)
    missing_looks = fields.IntField()
    missing_class = fields.TextField()
    matched = fields.BooleanField()
    closed = fields.BooleanField()
    page_digest = fields.CharField(max_length=64)
    incomplete = fields.BooleanField()

    class Meta:
        table = "watched"
        app = "storage"
        table_description = "watched"
        indexes = (
            Index(fields=("next_look_at",), name="watched_due"),
            Index(fields=("target", "closed"), name="watched_target"),
        )


class SightingRow(Model):
    """One dated look of a vigil; its batch is one leaf of the log."""

    id = fields.BigIntField(primary_key=True)
    post_key = fields.CharField(max_length=32)
    leaf = fields.BigIntField()
    line = fields.TextField()
    """The canonical line whose hash went into the batch's tree."""

    class Meta:
        table = "sighting"
        app = "storage"
        table_description = "sighting"
        indexes = (
            Index(fields=("post_key",), name="sighting_post"),
            Index(fields=("leaf",), name="sighting_leaf"),
        )


class ProgressRow(Model):
    """How far a target has been read."""

    target = fields.CharField(max_length=255, primary_key=True)
    progress = fields.TextField()

    class Meta:
        table = "progress"
        app = "storage"
        table_description = "progress"


class LeafRow(Model):
    """One entry of the append-only log; the entry's exact bytes are what was hashed."""

    index = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=32)
    entry = fields.TextField()
    leaf_hash = fields.CharField(max_length=64)

    class Meta:
        table = "leaf"
        app = "storage"
        table_description = "leaf"
        indexes = (Index(fields=("kind",), name="leaf_kind"),)


class HeadRow(Model):
    """The tree head: one row, replaced in every transaction that adds a leaf."""

    id = fields.IntField(primary_key=True)
    origin = fields.CharField(max_length=32)
    size = fields.BigIntField()
    root = fields.CharField(max_length=64)
    frontier = fields.TextField()

    class Meta:
        table = "head"
        app = "storage"
        table_description = "head"


class CheckpointRow(Model):
    """A signed statement about the log at one size. root: hex. note: the exact text of the C2SP note.

    frontier: the peaks as in `head`; they lead to `root`, so the log's growth since can be
    checked without reading it from its beginning. reason: why it was made then.
    """

    size = fields.BigIntField(primary_key=True)
    root = fields.CharField(max_length=64)
    at = Moment()
    reason = fields.CharField(max_length=32)
    note = fields.TextField()
    frontier = fields.TextField()

    class Meta:
        table = "checkpoint"
        app = "storage"
        table_description = "checkpoint"


class TokenRow(Model):
    """A time stamp (RFC 3161) asked of one authority over the note of the checkpoint of `size`.

    request, response: DER as sent and received. state: waiting, whole, refused.
    """

    id = fields.BigIntField(primary_key=True)
    size = fields.BigIntField()
    authority = fields.CharField(max_length=64)
    asked_at = Moment(null=True)
    received_at = Moment(null=True)
    request = fields.BinaryField(null=True)
    response = fields.BinaryField(null=True)
    state = fields.CharField(max_length=16)
    attempts = fields.IntField()
    due_at = Moment()
    why = fields.TextField()

    class Meta:
        table = "token"
        app = "storage"
        table_description = "token"
        unique_together = (("size", "authority"),)
        indexes = (Index(fields=("state", "due_at"), name="token_due"),)

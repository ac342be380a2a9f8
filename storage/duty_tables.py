"""The rows of what people did: states of alerts, steps, escalations, updates, mutes, languages.

Same rules as in `tables`.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from storage.tables import Moment


class DutyRow(Model):
    """Where an alert stands among people (`storage.duty.Duty`). acknowledged_at: null when nobody has."""

    alert_id = fields.CharField(max_length=32, primary_key=True)
    state = fields.CharField(max_length=16)
    version = fields.IntField()
    seen = fields.IntField()
    level = fields.IntField()
    actor_id = fields.BigIntField()
    actor = fields.TextField()
    at = Moment()
    acknowledged_at = Moment(null=True)
    outcome = fields.CharField(max_length=16)
    reason = fields.TextField()

    class Meta:
        table = "duty"
        app = "storage"
        table_description = "duty"
        indexes = (Index(fields=("state", "at"), name="duty_state"),)


class DutyStepRow(Model):
    """One transition. leaf: index of its log entry, whose private record says the same."""

    leaf = fields.BigIntField(primary_key=True)
    alert_id = fields.CharField(max_length=32)
    version = fields.IntField()
    act = fields.CharField(max_length=16)
    actor_id = fields.BigIntField()
    actor = fields.TextField()
    at = Moment()
    before = fields.CharField(max_length=16)
    after = fields.CharField(max_length=16)
    reason = fields.TextField()
    update_id = fields.BigIntField(null=True)

    class Meta:
        table = "duty_step"
        app = "storage"
        table_description = "duty_step"
        unique_together = (("alert_id", "version"),)


class EscalationRow(Model):
    """When an alert that nobody takes goes further. done_at: null while it is still to come."""

    id = fields.BigIntField(primary_key=True)
    alert_id = fields.CharField(max_length=32)
    level = fields.IntField()
    due_at = Moment()
    done_at = Moment(null=True)
    outcome = fields.CharField(max_length=16)

    class Meta:
        table = "escalation"
        app = "storage"
        table_description = "escalation"
        unique_together = (("alert_id", "level"),)
        indexes = (Index(fields=("done_at", "due_at"), name="escalation_due"),)


class InboxRow(Model):
    """An update from the chat's server, kept before it is acted on. body: "" when it is a stranger's."""

    update_id = fields.BigIntField(primary_key=True)
    received_at = Moment()
    body = fields.TextField()
    handled_at = Moment(null=True)
    outcome = fields.CharField(max_length=64)

    class Meta:
        table = "inbox"
        app = "storage"
        table_description = "inbox"
        indexes = (Index(fields=("handled_at", "update_id"), name="inbox_handled"),)


class MuteRow(Model):
    """Alerts that are kept and not told. starts_at: null while a second person has not agreed."""

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=8)
    target = fields.CharField(max_length=255)
    value = fields.TextField()
    reason = fields.TextField()
    author_id = fields.BigIntField()
    author = fields.TextField()
    created_at = Moment()
    starts_at = Moment(null=True)
    ends_at = Moment()
    second = fields.TextField()
    lifted_by = fields.TextField()
    update_id = fields.BigIntField(null=True)

    class Meta:
        table = "mute"
        app = "storage"
        table_description = "mute"
        unique_together = (("update_id",),)
        indexes = (Index(fields=("ends_at",), name="mute_ends"),)


class MutedRow(Model):
    """An alert that a mute kept from people."""

    alert_id = fields.CharField(max_length=32, primary_key=True)
    mute = fields.BigIntField()
    at = Moment()

    class Meta:
        table = "muted"
        app = "storage"
        table_description = "muted"
        indexes = (Index(fields=("mute",), name="muted_mute"),)


class TongueRow(Model):
    """The language of a chat or a person: subject is the id of either."""

    subject = fields.BigIntField(primary_key=True)
    language = fields.CharField(max_length=16)

    class Meta:
        table = "tongue"
        app = "storage"
        table_description = "tongue"


class TurnRow(Model):
    """Hours that an officer took over in the chat; the rota says the rest."""

    id = fields.BigIntField(primary_key=True)
    officer = fields.TextField()
    starts_at = Moment()
    ends_at = Moment()
    author = fields.TextField()
    created_at = Moment()
    update_id = fields.BigIntField(null=True)

    class Meta:
        table = "turn"
        app = "storage"
        table_description = "turn"
        unique_together = (("update_id",),)
        indexes = (Index(fields=("ends_at",), name="turn_ends"),)


class WatchedSellerRow(Model):
    """A seller whose alerts go first, on a person's word. ended_at: null while it holds."""

    id = fields.BigIntField(primary_key=True)
    target = fields.CharField(max_length=255)
    seller = fields.TextField()
    author = fields.TextField()
    since = Moment()
    ended_at = Moment(null=True)

    class Meta:
        table = "watched_seller"
        app = "storage"
        table_description = "watched_seller"
        indexes = (Index(fields=("target",), name="watched_seller_target"),)


class DigestRow(Model):
    """A night's digest. files_at: when the table went out, null before that."""

    night = fields.CharField(max_length=10, primary_key=True)
    told_at = Moment()
    files_at = Moment(null=True)

    class Meta:
        table = "digest"
        app = "storage"
        table_description = "digest"


class TipRow(Model):
    """A page that an officer reported (`storage.tips`). told_at: null while he does not know how it ended."""

    update_id = fields.BigIntField(primary_key=True)
    url = fields.TextField()
    officer = fields.TextField()
    user_id = fields.BigIntField()
    chat_id = fields.BigIntField()
    asked_at = Moment()
    evidence_id = fields.CharField(max_length=32)
    why = fields.TextField()
    answered_at = Moment(null=True)
    told_at = Moment(null=True)

    class Meta:
        table = "tip"
        app = "storage"
        table_description = "tip"
        indexes = (Index(fields=("told_at",), name="tip_told"),)

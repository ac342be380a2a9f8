"""The rows from which sellers are linked, and officers' answers about alerts. Same rules as in `tables`.

Accounts and traces are derived from evidence and verdicts: they can be made anew at any time
(`storage.traces`), and go with the evidence when that is erased.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from storage.tables import Moment


class AccountRow(Model):
    """Somebody's name on one site; a post without a name is an account of its own, name ""."""

    account_id = fields.CharField(max_length=16, primary_key=True)
    site = fields.CharField(max_length=255)
    name = fields.TextField()
    url = fields.TextField()

    class Meta:
        table = "account"
        app = "storage"
        table_description = "account"


class TraceRow(Model):
    """Something that an account showed in the look `seq`. kind: post, contact, picture, told, offered, text.

    value: the post's key, the normalised contact, the SHA-256 of the picture (told,
    offered: in an advert of which people were told, or loudly), the text's signature.
    """

    id = fields.BigIntField(primary_key=True)
    """seq * 64 + position: made by us, so that a look traced twice stands there once."""
    seq = fields.BigIntField()
    account_id = fields.CharField(max_length=16)
    kind = fields.CharField(max_length=8)
    value = fields.TextField()

    class Meta:
        table = "trace"
        app = "storage"
        table_description = "trace"
        indexes = (
            Index(fields=("kind", "value"), name="trace_value"),
            Index(fields=("account_id",), name="trace_account"),
        )


class MarkRow(Model):
    """How far something that follows the log has come: `value` is its own business."""

    name = fields.CharField(max_length=32, primary_key=True)
    value = fields.TextField()

    class Meta:
        table = "mark"
        app = "storage"
        table_description = "mark"


class AnswerRow(Model):
    """What an officer said of an alert. leaf: of its log entry, which names the record by hash.

    answer: confirmed or false. A later answer of anybody about the same evidence stands for it.
    """

    leaf = fields.BigIntField(primary_key=True)
    alert_id = fields.CharField(max_length=32)
    evidence_id = fields.CharField(max_length=32)
    answer = fields.CharField(max_length=16)
    reason = fields.TextField()
    actor = fields.TextField()
    at = Moment()

    class Meta:
        table = "answer"
        app = "storage"
        table_description = "answer"
        indexes = (
            Index(fields=("evidence_id",), name="answer_evidence"),
            Index(fields=("alert_id",), name="answer_alert"),
        )

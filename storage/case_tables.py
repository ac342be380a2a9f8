"""The rows of cases, of facts the log holds only by hash, and of what was lawfully erased.

Same rules as in `tables`.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from storage.tables import Moment

MOST_SUBJECT = 64
"""As long as a case number may be."""


class RecordRow(Model):
    """The facts of a log entry that names them by hash only. subject: its case number, or ""."""

    leaf = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=32)
    subject = fields.CharField(max_length=MOST_SUBJECT)
    record = fields.TextField()

    class Meta:
        table = "record"
        app = "storage"
        table_description = "record"
        indexes = (Index(fields=("subject",), name="record_subject"),)


class CaseRow(Model):
    """A case. closed_at: null while it is open. held: nothing of it may be erased."""

    number = fields.CharField(max_length=64, primary_key=True)
    title = fields.TextField()
    legal_basis = fields.TextField()
    officer = fields.TextField()
    opened_at = Moment()
    closed_at = Moment(null=True)
    held = fields.BooleanField()
    hold_why = fields.TextField()

    class Meta:
        table = "case_file"
        app = "storage"
        table_description = "case_file"


class CaseEvidenceRow(Model):
    """A piece of evidence belongs to a case; with it every look at the same post."""

    id = fields.BigIntField(primary_key=True)
    number = fields.CharField(max_length=64)
    evidence_id = fields.CharField(max_length=32)
    post_key = fields.CharField(max_length=32)
    added_at = Moment()

    class Meta:
        table = "case_evidence"
        app = "storage"
        table_description = "case_evidence"
        unique_together = (("number", "evidence_id"),)
        indexes = (Index(fields=("post_key",), name="case_evidence_post"),)


class TombstoneRow(Model):
    """What stands in the place of erased evidence. erasure: index of the log entry that says so."""

    seq = fields.BigIntField(primary_key=True)
    evidence_id = fields.CharField(max_length=32)
    erasure = fields.BigIntField()

    class Meta:
        table = "tombstone"
        app = "storage"
        table_description = "tombstone"
        indexes = (Index(fields=("erasure",), name="tombstone_erasure"),)


class ErasingRow(Model):
    """A file whose rows are erased and which is still to be removed from the disk."""

    sha256 = fields.CharField(max_length=64, primary_key=True)

    class Meta:
        table = "erasing"
        app = "storage"
        table_description = "erasing"

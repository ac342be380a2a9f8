"""What was read and seen in pictures, and verdicts made anew because of it. Same rules as in `tables`."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from storage.tables import Moment


class ReadingRow(Model):
    """The words in a picture: derived from its bytes, the same wherever they were found.

    recipe: what read them, and how. words: a JSON list of lines, from top to bottom. why: what kept
    it from being read, or "".
    """

    sha256 = fields.CharField(max_length=64, primary_key=True)
    recipe = fields.CharField(max_length=64)
    words = fields.TextField()
    why = fields.TextField()
    read_at = Moment()

    class Meta:
        table = "reading"
        app = "storage"
        table_description = "reading"


class HintRow(Model):
    """What a classifier took a picture for (`storage.hints`). recipe: of the classifier, whole.

    hints: a JSON list of labels and probabilities, the surest first. why: what kept it from an answer, or "".
    """

    sha256 = fields.CharField(max_length=64, primary_key=True)
    recipe = fields.CharField(max_length=64)
    hints = fields.TextField()
    why = fields.TextField()
    asked_at = Moment()

    class Meta:
        table = "hint"
        app = "storage"
        table_description = "hint"


class VerdictBeforeRow(Model):
    """A verdict in whose place stands another, as `tables.VerdictRow` held it: the log still names it."""

    leaf = fields.BigIntField(primary_key=True)
    seq = fields.BigIntField()
    score = fields.IntField()
    tier = fields.CharField(max_length=8)
    verdict = fields.TextField()
    matches = fields.TextField()
    judged_at = Moment()
    record = fields.TextField()

    class Meta:
        table = "verdict_before"
        app = "storage"
        table_description = "verdict_before"
        indexes = (Index(fields=("seq",), name="verdict_before_seq"),)


class LateRow(Model):
    """A look that was judged too soon and is judged once more (`storage.late`). times: begun so far."""

    seq = fields.BigIntField(primary_key=True)
    times = fields.IntField()

    class Meta:
        table = "late"
        app = "storage"
        table_description = "late"

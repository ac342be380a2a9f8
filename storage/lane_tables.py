"""The rows of chats with a budget: how far each was read, and which message shows many alerts.

Same rules as in `tables`. Work in progress of the outbox; no evidence hangs on them.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from storage.tables import Moment


class LaneRow(Model):
    """One channel's chat. last_id: the highest message id known there.

    configured, chat: the chat of the configuration, and where the server said it has moved to.
    storm_at: when people were told of the storm that goes on; null in calm. touched: the message that
    was being looked at, whose buttons may not be its own; 0 for none. rests_until: the server asked not to
    be asked before; null when it never did.
    """

    channel = fields.CharField(max_length=128, primary_key=True)
    last_id = fields.BigIntField()
    configured = fields.CharField(max_length=128)
    chat = fields.CharField(max_length=128)
    storm_at = Moment(null=True)
    touched = fields.BigIntField()
    rests_until = Moment(null=True)

    class Meta:
        table = "lane"
        app = "storage"
        table_description = "lane"


class IncidentRow(Model):
    """A message that shows many alerts; its own alert and delivery have the same id.

    key: what its members have in common. loud: it is sent once, with a sound, and never edited.
    closed_at: since when nothing more joins.
    """

    alert_id = fields.CharField(max_length=32, primary_key=True)
    channel = fields.CharField(max_length=128)
    key = fields.TextField()
    loud = fields.BooleanField()
    opened_at = Moment()
    closed_at = Moment(null=True)

    class Meta:
        table = "incident"
        app = "storage"
        table_description = "incident"
        indexes = (Index(fields=("channel", "closed_at"), name="incident_open"),)

"""The rows of how hosts were treated, hour by hour: what `storage.manners` counts.

Same rules as in `tables`. Numbers for the politeness report; no evidence hangs on them.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from storage.tables import Moment


class HostHourRow(Model):
    """One host in one hour (`storage.manners.HostHour`), added to while the hour lasts."""

    id = fields.BigIntField(primary_key=True)
    hour = Moment()
    host = fields.CharField(max_length=255)
    asked = fields.BigIntField()
    answered = fields.BigIntField()
    not_modified = fields.BigIntField()
    body_bytes = fields.BigIntField()
    busy_429 = fields.BigIntField()
    busy_503 = fields.BigIntField()
    capped = fields.BigIntField()
    walls = fields.BigIntField()
    troubles = fields.BigIntField()
    tls_failures = fields.BigIntField()
    robots_allowed = fields.BigIntField()
    robots_forbidden = fields.BigIntField()
    robots_overridden = fields.BigIntField()
    too_soon = fields.BigIntField()
    too_many = fields.BigIntField()
    in_pause = fields.BigIntField()
    busiest_second = fields.BigIntField()
    busiest_minute = fields.BigIntField()
    most_at_once = fields.BigIntField()
    concurrency = fields.BigIntField()
    spacing_most_us = fields.BigIntField()
    spacing_least_us = fields.BigIntField(null=True)
    closest_us = fields.BigIntField(null=True)

    class Meta:
        table = "host_hour"
        app = "storage"
        table_description = "host_hour"
        unique_together = (("hour", "host"),)
        indexes = (Index(fields=("host", "hour"), name="host_hour_host"),)


class HostPauseRow(Model):
    """A host asked to be left alone (`storage.manners.Pause`). next_at: null until it is asked again."""

    id = fields.BigIntField(primary_key=True)
    asked_at = Moment()
    host = fields.CharField(max_length=255)
    status = fields.IntField()
    asked_s = fields.FloatField(null=True)
    kept_s = fields.FloatField()
    next_at = Moment(null=True)
    broken = fields.BigIntField()

    class Meta:
        table = "host_pause"
        app = "storage"
        table_description = "host_pause"
        unique_together = (("asked_at", "host"),)
        indexes = (Index(fields=("next_at",), name="host_pause_next"),)


class HostOverrideRow(Model):
    """Requests of one hour for which robots.txt was not obeyed, and by whose word."""

    id = fields.BigIntField(primary_key=True)
    hour = Moment()
    host = fields.CharField(max_length=255)
    target = fields.CharField(max_length=255)
    why = fields.TextField()
    authorised_by = fields.TextField()
    legal_basis = fields.TextField()
    asked = fields.BigIntField()

    class Meta:
        table = "host_override"
        app = "storage"
        table_description = "host_override"
        unique_together = (("hour", "host", "target", "why", "authorised_by", "legal_basis"),)

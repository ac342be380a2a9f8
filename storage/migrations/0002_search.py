"""The text index: a virtual table, which tortoise has no model for."""

from tortoise import migrations
from tortoise.migrations import operations as ops

from storage.search import SCHEMA


class Migration(migrations.Migration):
    dependencies = [("storage", "0001_initial")]

    operations = [ops.RunSQL(SCHEMA, reverse_sql="DROP TABLE search")]

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from storage.tables import Moment


class Migration(migrations.Migration):
    """What was read in pictures, and verdicts in whose place stands a newer one. Older stores have none."""

    dependencies = [("storage", "0010_fingerprints")]

    operations = [
        ops.CreateModel(
            name='ReadingRow',
            fields=[
                ('sha256', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('recipe', fields.CharField(max_length=64)),
                ('words', fields.TextField(unique=False)),
                ('why', fields.TextField(unique=False)),
                ('read_at', Moment(generated=False, null=False, unique=False)),
            ],
            options={'table': 'reading', 'app': 'storage', 'pk_attr': 'sha256', 'table_description': 'reading'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='VerdictBeforeRow',
            fields=[
                ('leaf', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('seq', fields.BigIntField()),
                ('score', fields.IntField()),
                ('tier', fields.CharField(max_length=8)),
                ('verdict', fields.TextField(unique=False)),
                ('matches', fields.TextField(unique=False)),
                ('judged_at', Moment(generated=False, null=False, unique=False)),
                ('record', fields.TextField(unique=False)),
            ],
            options={'table': 'verdict_before', 'app': 'storage', 'indexes': [Index(fields=['seq'], name='verdict_before_seq')], 'pk_attr': 'leaf', 'table_description': 'verdict_before'},
            bases=['Model'],
        ),
    ]

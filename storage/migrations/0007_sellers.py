from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from storage.tables import Moment


class Migration(migrations.Migration):
    """Accounts with what they show, so that sellers can be linked; officers' answers about alerts."""

    dependencies = [("storage", "0006_leaf_kind")]

    operations = [
        ops.CreateModel(
            name='AccountRow',
            fields=[
                ('account_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=16)),
                ('site', fields.CharField(max_length=255)),
                ('name', fields.TextField(unique=False)),
                ('url', fields.TextField(unique=False)),
            ],
            options={'table': 'account', 'app': 'storage', 'pk_attr': 'account_id', 'table_description': 'account'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='TraceRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('seq', fields.BigIntField()),
                ('account_id', fields.CharField(max_length=16)),
                ('kind', fields.CharField(max_length=8)),
                ('value', fields.TextField(unique=False)),
            ],
            options={'table': 'trace', 'app': 'storage', 'indexes': [Index(fields=['kind', 'value'], name='trace_value'), Index(fields=['account_id'], name='trace_account')], 'pk_attr': 'id', 'table_description': 'trace'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='MarkRow',
            fields=[
                ('name', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=32)),
                ('value', fields.TextField(unique=False)),
            ],
            options={'table': 'mark', 'app': 'storage', 'pk_attr': 'name', 'table_description': 'mark'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='AnswerRow',
            fields=[
                ('leaf', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('alert_id', fields.CharField(max_length=32)),
                ('evidence_id', fields.CharField(max_length=32)),
                ('answer', fields.CharField(max_length=16)),
                ('reason', fields.TextField(unique=False)),
                ('actor', fields.TextField(unique=False)),
                ('at', Moment(generated=False, null=False, unique=False)),
            ],
            options={'table': 'answer', 'app': 'storage', 'indexes': [Index(fields=['evidence_id'], name='answer_evidence'), Index(fields=['alert_id'], name='answer_alert')], 'pk_attr': 'leaf', 'table_description': 'answer'},
            bases=['Model'],
        ),
    ]

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from storage.tables import Moment


class Migration(migrations.Migration):
    """Pages that officers reported, and what they were told of them. Older stores have none."""

    dependencies = [("storage", "0011_reading")]

    operations = [
        ops.CreateModel(
            name='TipRow',
            fields=[
                ('update_id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('url', fields.TextField(unique=False)),
                ('officer', fields.TextField(unique=False)),
                ('user_id', fields.BigIntField()),
                ('chat_id', fields.BigIntField()),
                ('asked_at', Moment(generated=False, null=False, unique=False)),
                ('evidence_id', fields.CharField(max_length=32)),
                ('why', fields.TextField(unique=False)),
                ('answered_at', Moment(generated=False, null=True, unique=False)),
                ('told_at', Moment(generated=False, null=True, unique=False)),
            ],
            options={'table': 'tip', 'app': 'storage', 'indexes': [Index(fields=['told_at'], name='tip_told')], 'pk_attr': 'update_id', 'table_description': 'tip'},
            bases=['Model'],
        ),
    ]

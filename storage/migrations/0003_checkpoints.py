from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from storage.tables import Moment


class Migration(migrations.Migration):
    dependencies = [("storage", "0002_search")]

    operations = [
        ops.CreateModel(
            name='CheckpointRow',
            fields=[
                ('size', fields.BigIntField(primary_key=True, unique=True, db_index=True)),
                ('root', fields.CharField(max_length=64)),
                ('at', Moment(generated=False, null=False, unique=False)),
                ('reason', fields.CharField(max_length=32)),
                ('note', fields.TextField(unique=False)),
                ('frontier', fields.TextField(unique=False)),
            ],
            options={'table': 'checkpoint', 'app': 'storage', 'pk_attr': 'size', 'table_description': 'checkpoint'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='TokenRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('size', fields.BigIntField()),
                ('authority', fields.CharField(max_length=64)),
                ('asked_at', Moment(null=True, generated=False, unique=False)),
                ('received_at', Moment(null=True, generated=False, unique=False)),
                ('request', fields.BinaryField(null=True, unique=False)),
                ('response', fields.BinaryField(null=True, unique=False)),
                ('state', fields.CharField(max_length=16)),
                ('attempts', fields.IntField()),
                ('due_at', Moment(generated=False, null=False, unique=False)),
                ('why', fields.TextField(unique=False)),
            ],
            options={'table': 'token', 'app': 'storage', 'unique_together': (('size', 'authority'),), 'indexes': [Index(fields=['state', 'due_at'], name='token_due')], 'pk_attr': 'id', 'table_description': 'token'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='AlertRow',
            name='log_size',
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name='AlertRow',
            name='log_root',
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name='VerdictRow',
            name='leaf',
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name='VerdictRow',
            name='record',
            field=fields.TextField(null=True, unique=False),
        ),
        ops.AddIndex(
            model_name='VerdictRow',
            index=Index(fields=['leaf'], name='verdict_leaf'),
        ),
    ]

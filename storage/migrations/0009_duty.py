from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from storage.tables import Moment


class Migration(migrations.Migration):
    dependencies = [("storage", "0008_lanes")]

    operations = [
        ops.CreateModel(
            name='DutyRow',
            fields=[
                ('alert_id', fields.CharField(primary_key=True, max_length=32, unique=True, db_index=True)),
                ('state', fields.CharField(max_length=16)),
                ('version', fields.IntField()),
                ('seen', fields.IntField()),
                ('level', fields.IntField()),
                ('actor_id', fields.BigIntField()),
                ('actor', fields.TextField(unique=False)),
                ('at', Moment(generated=False, null=False, unique=False)),
                ('acknowledged_at', Moment(null=True, generated=False, unique=False)),
                ('outcome', fields.CharField(max_length=16)),
                ('reason', fields.TextField(unique=False)),
            ],
            options={'table': 'duty', 'app': 'storage', 'indexes': [Index(fields=['state', 'at'], name='duty_state')], 'pk_attr': 'alert_id', 'table_description': 'duty'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='DutyStepRow',
            fields=[
                ('leaf', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('alert_id', fields.CharField(max_length=32)),
                ('version', fields.IntField()),
                ('act', fields.CharField(max_length=16)),
                ('actor_id', fields.BigIntField()),
                ('actor', fields.TextField(unique=False)),
                ('at', Moment(generated=False, null=False, unique=False)),
                ('before', fields.CharField(max_length=16)),
                ('after', fields.CharField(max_length=16)),
                ('reason', fields.TextField(unique=False)),
                ('update_id', fields.BigIntField(null=True)),
            ],
            options={'table': 'duty_step', 'app': 'storage', 'unique_together': (('alert_id', 'version'),), 'pk_attr': 'leaf', 'table_description': 'duty_step'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='EscalationRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('alert_id', fields.CharField(max_length=32)),
                ('level', fields.IntField()),
                ('due_at', Moment(generated=False, null=False, unique=False)),
                ('done_at', Moment(null=True, generated=False, unique=False)),
                ('outcome', fields.CharField(max_length=16)),
            ],
            options={'table': 'escalation', 'app': 'storage', 'unique_together': (('alert_id', 'level'),), 'indexes': [Index(fields=['done_at', 'due_at'], name='escalation_due')], 'pk_attr': 'id', 'table_description': 'escalation'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='InboxRow',
            fields=[
                ('update_id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('received_at', Moment(generated=False, null=False, unique=False)),
                ('body', fields.TextField(unique=False)),
                ('handled_at', Moment(null=True, generated=False, unique=False)),
                ('outcome', fields.CharField(max_length=64)),
            ],
            options={'table': 'inbox', 'app': 'storage', 'indexes': [Index(fields=['handled_at', 'update_id'], name='inbox_handled')], 'pk_attr': 'update_id', 'table_description': 'inbox'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='MuteRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('kind', fields.CharField(max_length=8)),
                ('target', fields.CharField(max_length=255)),
                ('value', fields.TextField(unique=False)),
                ('reason', fields.TextField(unique=False)),
                ('author_id', fields.BigIntField()),
                ('author', fields.TextField(unique=False)),
                ('created_at', Moment(generated=False, null=False, unique=False)),
                ('starts_at', Moment(null=True, generated=False, unique=False)),
                ('ends_at', Moment(generated=False, null=False, unique=False)),
                ('second', fields.TextField(unique=False)),
                ('lifted_by', fields.TextField(unique=False)),
                ('update_id', fields.BigIntField(null=True)),
            ],
            options={'table': 'mute', 'app': 'storage', 'unique_together': (('update_id',),), 'indexes': [Index(fields=['ends_at'], name='mute_ends')], 'pk_attr': 'id', 'table_description': 'mute'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='MutedRow',
            fields=[
                ('alert_id', fields.CharField(primary_key=True, max_length=32, unique=True, db_index=True)),
                ('mute', fields.BigIntField()),
                ('at', Moment(generated=False, null=False, unique=False)),
            ],
            options={'table': 'muted', 'app': 'storage', 'indexes': [Index(fields=['mute'], name='muted_mute')], 'pk_attr': 'alert_id', 'table_description': 'muted'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='TongueRow',
            fields=[
                ('subject', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('language', fields.CharField(max_length=16)),
            ],
            options={'table': 'tongue', 'app': 'storage', 'pk_attr': 'subject', 'table_description': 'tongue'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='TurnRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('officer', fields.TextField(unique=False)),
                ('starts_at', Moment(generated=False, null=False, unique=False)),
                ('ends_at', Moment(generated=False, null=False, unique=False)),
                ('author', fields.TextField(unique=False)),
                ('created_at', Moment(generated=False, null=False, unique=False)),
                ('update_id', fields.BigIntField(null=True)),
            ],
            options={'table': 'turn', 'app': 'storage', 'unique_together': (('update_id',),), 'indexes': [Index(fields=['ends_at'], name='turn_ends')], 'pk_attr': 'id', 'table_description': 'turn'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='WatchedSellerRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('target', fields.CharField(max_length=255)),
                ('seller', fields.TextField(unique=False)),
                ('author', fields.TextField(unique=False)),
                ('since', Moment(generated=False, null=False, unique=False)),
                ('ended_at', Moment(null=True, generated=False, unique=False)),
            ],
            options={'table': 'watched_seller', 'app': 'storage', 'indexes': [Index(fields=['target'], name='watched_seller_target')], 'pk_attr': 'id', 'table_description': 'watched_seller'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='DigestRow',
            fields=[
                ('night', fields.CharField(primary_key=True, max_length=10, unique=True, db_index=True)),
                ('told_at', Moment(generated=False, null=False, unique=False)),
                ('files_at', Moment(null=True, generated=False, unique=False)),
            ],
            options={'table': 'digest', 'app': 'storage', 'pk_attr': 'night', 'table_description': 'digest'},
            bases=['Model'],
        ),
    ]

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from storage.tables import Moment


class Migration(migrations.Migration):
    """Chats with a budget: message ids, moved chats, and messages that show many alerts."""

    dependencies = [("storage", "0007_sellers")]

    operations = [
        ops.CreateModel(
            name='LaneRow',
            fields=[
                ('channel', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=128)),
                ('last_id', fields.BigIntField()),
                ('configured', fields.CharField(max_length=128)),
                ('chat', fields.CharField(max_length=128)),
                ('storm_at', Moment(null=True, generated=False, unique=False)),
                ('touched', fields.BigIntField()),
            ],
            options={'table': 'lane', 'app': 'storage', 'pk_attr': 'channel', 'table_description': 'lane'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='IncidentRow',
            fields=[
                ('alert_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=32)),
                ('channel', fields.CharField(max_length=128)),
                ('key', fields.TextField(unique=False)),
                ('loud', fields.BooleanField()),
                ('opened_at', Moment(generated=False, null=False, unique=False)),
                ('closed_at', Moment(null=True, generated=False, unique=False)),
            ],
            options={'table': 'incident', 'app': 'storage', 'indexes': [Index(fields=['channel', 'closed_at'], name='incident_open')], 'pk_attr': 'alert_id', 'table_description': 'incident'},
            bases=['Model'],
        ),
        ops.AddField(model_name='DeliveryRow', name='intent', field=fields.TextField(null=True, unique=False)),
        ops.AddField(model_name='DeliveryRow', name='inside', field=fields.CharField(null=True, max_length=32)),
        ops.AddIndex(model_name='DeliveryRow', index=Index(fields=['inside'], name='delivery_inside')),
    ]

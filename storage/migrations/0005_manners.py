from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from storage.tables import Moment


class Migration(migrations.Migration):
    dependencies = [("storage", "0004_cases")]

    operations = [
        ops.CreateModel(
            name='HostHourRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('hour', Moment(generated=False, null=False, unique=False)),
                ('host', fields.CharField(max_length=255)),
                ('asked', fields.BigIntField()),
                ('answered', fields.BigIntField()),
                ('not_modified', fields.BigIntField()),
                ('body_bytes', fields.BigIntField()),
                ('busy_429', fields.BigIntField()),
                ('busy_503', fields.BigIntField()),
                ('capped', fields.BigIntField()),
                ('walls', fields.BigIntField()),
                ('troubles', fields.BigIntField()),
                ('tls_failures', fields.BigIntField()),
                ('robots_allowed', fields.BigIntField()),
                ('robots_forbidden', fields.BigIntField()),
                ('robots_overridden', fields.BigIntField()),
                ('too_soon', fields.BigIntField()),
                ('too_many', fields.BigIntField()),
                ('in_pause', fields.BigIntField()),
                ('busiest_second', fields.BigIntField()),
                ('busiest_minute', fields.BigIntField()),
                ('most_at_once', fields.BigIntField()),
                ('concurrency', fields.BigIntField()),
                ('spacing_most_us', fields.BigIntField()),
                ('spacing_least_us', fields.BigIntField(null=True)),
                ('closest_us', fields.BigIntField(null=True)),
            ],
            options={'table': 'host_hour', 'app': 'storage', 'unique_together': (('hour', 'host'),), 'indexes': [Index(fields=['host', 'hour'], name='host_hour_host')], 'pk_attr': 'id', 'table_description': 'host_hour'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='HostPauseRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('asked_at', Moment(generated=False, null=False, unique=False)),
                ('host', fields.CharField(max_length=255)),
                ('status', fields.IntField()),
                ('asked_s', fields.FloatField(null=True)),
                ('kept_s', fields.FloatField()),
                ('next_at', Moment(null=True, generated=False, unique=False)),
                ('broken', fields.BigIntField()),
            ],
            options={'table': 'host_pause', 'app': 'storage', 'unique_together': (('asked_at', 'host'),), 'indexes': [Index(fields=['next_at'], name='host_pause_next')], 'pk_attr': 'id', 'table_description': 'host_pause'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='HostOverrideRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('hour', Moment(generated=False, null=False, unique=False)),
                ('host', fields.CharField(max_length=255)),
                ('target', fields.CharField(max_length=255)),
                ('why', fields.TextField(unique=False)),
                ('authorised_by', fields.TextField(unique=False)),
                ('legal_basis', fields.TextField(unique=False)),
                ('asked', fields.BigIntField()),
            ],
            options={'table': 'host_override', 'app': 'storage', 'unique_together': (('hour', 'host', 'target', 'why', 'authorised_by', 'legal_basis'),), 'pk_attr': 'id', 'table_description': 'host_override'},
            bases=['Model'],
        ),
    ]

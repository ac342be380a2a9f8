from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from storage.tables import Moment


class Migration(migrations.Migration):
    """What a classifier took pictures for. Older stores have none."""

    dependencies = [("storage", "0012_tips")]

    operations = [
        ops.CreateModel(
            name='HintRow',
            fields=[
                ('sha256', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('recipe', fields.CharField(max_length=64)),
                ('hints', fields.TextField(unique=False)),
                ('why', fields.TextField(unique=False)),
                ('asked_at', Moment(generated=False, null=False, unique=False)),
            ],
            options={'table': 'hint', 'app': 'storage', 'pk_attr': 'sha256', 'table_description': 'hint'},
            bases=['Model'],
        ),
    ]

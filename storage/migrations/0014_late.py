from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Posts that were judged before all known pictures were gathered. Older stores have none."""

    dependencies = [("storage", "0013_hint")]

    operations = [
        ops.CreateModel(
            name='LateRow',
            fields=[
                ('seq', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('times', fields.IntField()),
            ],
            options={'table': 'late', 'app': 'storage', 'pk_attr': 'seq', 'table_description': 'late'},
            bases=['Model'],
        ),
    ]

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """PDQ hashes beside phash, with the recipe of all, what QR codes say; items of gallery pictures. Older rows have none."""

    dependencies = [("storage", "0009_duty")]

    operations = [
        ops.AddField(model_name='PictureRow', name='pdqs', field=fields.BinaryField(null=True)),
        ops.AddField(model_name='PictureRow', name='quality', field=fields.IntField(null=True)),
        ops.AddField(model_name='PictureRow', name='recipe', field=fields.TextField(null=True, unique=False)),
        ops.AddField(model_name='PictureRow', name='codes', field=fields.TextField(null=True, unique=False)),
        ops.CreateModel(
            name='ItemKnownRow',
            fields=[
                ('known_sha256', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('item_id', fields.CharField(max_length=32)),
            ],
            options={'table': 'item_known', 'app': 'storage', 'indexes': [Index(fields=['item_id'], name='item_known_item')], 'pk_attr': 'known_sha256', 'table_description': 'item_known'},
            bases=['Model'],
        ),
    ]

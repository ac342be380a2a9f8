from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """PDQ hashes beside phash, with the recipe of all, and what QR codes say. Older rows have none."""

    dependencies = [("storage", "0006_leaf_kind")]

    operations = [
        ops.AddField(model_name='PictureRow', name='pdqs', field=fields.BinaryField(null=True)),
        ops.AddField(model_name='PictureRow', name='quality', field=fields.IntField(null=True)),
        ops.AddField(model_name='PictureRow', name='recipe', field=fields.TextField(null=True, unique=False)),
        ops.AddField(model_name='PictureRow', name='codes', field=fields.TextField(null=True, unique=False)),
    ]

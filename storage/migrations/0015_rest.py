from tortoise import migrations
from tortoise.migrations import operations as ops

from storage.tables import Moment


class Migration(migrations.Migration):
    """Until when a chat rests because its server asked for it. Older stores do not know of any."""

    dependencies = [("storage", "0014_late")]

    operations = [
        ops.AddField(
            model_name="LaneRow",
            name="rests_until",
            field=Moment(generated=False, null=True, unique=False),
        ),
    ]

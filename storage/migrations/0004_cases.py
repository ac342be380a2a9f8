from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from storage.tables import Moment


class Migration(migrations.Migration):
    dependencies = [("storage", "0003_checkpoints")]

    operations = [
        ops.CreateModel(
            name='RecordRow',
            fields=[
                ('leaf', fields.BigIntField(primary_key=True, unique=True, db_index=True)),
                ('kind', fields.CharField(max_length=32)),
                ('subject', fields.CharField(max_length=64)),
                ('record', fields.TextField(unique=False)),
            ],
            options={'table': 'record', 'app': 'storage', 'indexes': [Index(fields=['subject'], name='record_subject')], 'pk_attr': 'leaf', 'table_description': 'record'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='CaseRow',
            fields=[
                ('number', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('title', fields.TextField(unique=False)),
                ('legal_basis', fields.TextField(unique=False)),
                ('officer', fields.TextField(unique=False)),
                ('opened_at', Moment(generated=False, null=False, unique=False)),
                ('closed_at', Moment(generated=False, null=True, unique=False)),
                ('held', fields.BooleanField()),
                ('hold_why', fields.TextField(unique=False)),
            ],
            options={'table': 'case_file', 'app': 'storage', 'pk_attr': 'number', 'table_description': 'case_file'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='CaseEvidenceRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('number', fields.CharField(max_length=64)),
                ('evidence_id', fields.CharField(max_length=32)),
                ('post_key', fields.CharField(max_length=32)),
                ('added_at', Moment(generated=False, null=False, unique=False)),
            ],
            options={'table': 'case_evidence', 'app': 'storage', 'unique_together': (('number', 'evidence_id'),), 'indexes': [Index(fields=['post_key'], name='case_evidence_post')], 'pk_attr': 'id', 'table_description': 'case_evidence'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='TombstoneRow',
            fields=[
                ('seq', fields.BigIntField(primary_key=True, unique=True, db_index=True)),
                ('evidence_id', fields.CharField(max_length=32)),
                ('erasure', fields.BigIntField()),
            ],
            options={'table': 'tombstone', 'app': 'storage', 'indexes': [Index(fields=['erasure'], name='tombstone_erasure')], 'pk_attr': 'seq', 'table_description': 'tombstone'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ErasingRow',
            fields=[
                ('sha256', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
            ],
            options={'table': 'erasing', 'app': 'storage', 'pk_attr': 'sha256', 'table_description': 'erasing'},
            bases=['Model'],
        ),
    ]

"""Row security on the tables of this room: each row is seen and written inside its organisation's scope only."""

from typing import ClassVar

from django.db import migrations

OWN = "organisation_id = nullif(current_setting('app.organisation', true), '')::uuid"
TABLES = ("disclosure_waiver",)


def forced(table: str) -> str:
    return f"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY organisation ON {table} USING ({OWN}) WITH CHECK ({OWN});
    """


def lifted(table: str) -> str:
    return f"""
        DROP POLICY organisation ON {table};
        ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
        ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
    """


class Migration(migrations.Migration):
    dependencies: ClassVar = [("disclosure", "0003_assignments_and_waivers")]
    operations: ClassVar = [migrations.RunSQL(forced(table), lifted(table)) for table in TABLES]

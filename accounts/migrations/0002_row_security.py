"""Row security on what belongs to an organisation. Routing tables hold ids and digests only and are read without a scope."""

from typing import ClassVar

from django.db import migrations

OWN = "nullif(current_setting('app.organisation', true), '')::uuid"
TABLES = {
    "accounts_organisation": "id",
    "accounts_membership": "organisation_id",
    "accounts_apikey": "organisation_id",
    "accounts_idempotencyrecord": "organisation_id",
}


def forced(table: str, column: str) -> str:
    return f"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY organisation ON {table} USING ({column} = {OWN}) WITH CHECK ({column} = {OWN});
    """


def lifted(table: str) -> str:
    return f"""
        DROP POLICY organisation ON {table};
        ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
        ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
    """


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accounts", "0001_organisations_people_and_keys")]
    operations: ClassVar = [migrations.RunSQL(forced(table, column), lifted(table)) for table, column in TABLES.items()]

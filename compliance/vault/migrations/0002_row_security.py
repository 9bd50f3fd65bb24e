"""Row security on the vault's tables, and tombstones that can only be completed, never edited or taken away."""

from typing import ClassVar

from django.db import migrations

OWN = "organisation_id = nullif(current_setting('app.organisation', true), '')::uuid"
TABLES = ("vault_sealedobject", "vault_keyuse", "vault_tombstone")


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


GUARD = """
    REVOKE UPDATE, DELETE, TRUNCATE ON vault_tombstone FROM callwarden_app;
    GRANT UPDATE (stored_at, destroyed_at, proof_entry) ON vault_tombstone TO callwarden_app;
"""
UNGUARD = """
    REVOKE UPDATE (stored_at, destroyed_at, proof_entry) ON vault_tombstone FROM callwarden_app;
    GRANT UPDATE, DELETE ON vault_tombstone TO callwarden_app;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("vault", "0001_sealed_objects_and_tombstones")]
    operations: ClassVar = [
        *(migrations.RunSQL(forced(table), lifted(table)) for table in TABLES),
        migrations.RunSQL(GUARD, UNGUARD),
    ]

"""Row security on every table of this room."""

from typing import ClassVar

from django.db import migrations

OWN = "nullif(current_setting('app.organisation', true), '')::uuid"
TABLES = (
    "dsr_subjectrequest",
    "dsr_requestright",
    "dsr_claimedidentity",
    "dsr_verificationcode",
    "dsr_planitem",
    "dsr_package",
    "dsr_certificate",
    "dsr_suppression",
    "dsr_outboundmail",
)


def forced(table: str) -> str:
    return f"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY organisation ON {table} USING (organisation_id = {OWN}) WITH CHECK (organisation_id = {OWN});
    """


def lifted(table: str) -> str:
    return f"""
        DROP POLICY organisation ON {table};
        ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
        ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
    """


class Migration(migrations.Migration):
    dependencies: ClassVar = [("dsr", "0001_requests_and_certificates")]
    operations: ClassVar = [migrations.RunSQL(forced(table), lifted(table)) for table in TABLES]

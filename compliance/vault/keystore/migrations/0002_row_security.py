"""Row security on the keys. The epoch counts destructions of the whole deployment and belongs to no organisation."""

from typing import ClassVar

from django.db import migrations

OWN = "organisation_id = nullif(current_setting('app.organisation', true), '')::uuid"

FORCED = f"""
    ALTER TABLE keystore_key ENABLE ROW LEVEL SECURITY;
    ALTER TABLE keystore_key FORCE ROW LEVEL SECURITY;
    CREATE POLICY organisation ON keystore_key USING ({OWN}) WITH CHECK ({OWN});
"""
LIFTED = """
    DROP POLICY organisation ON keystore_key;
    ALTER TABLE keystore_key NO FORCE ROW LEVEL SECURITY;
    ALTER TABLE keystore_key DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("keystore", "0001_keys_and_epoch")]
    operations: ClassVar = [migrations.RunSQL(FORCED, LIFTED)]

"""The search index is unlogged, and each row is seen and written inside its organisation's scope only.

What is searched for stands in the policy of the entries itself. Postgres uses an index for a caller's own condition
under row security only where its operator is leakproof, and containment of arrays is not; a condition of the policy may
always use it. `app.searched` can only narrow what the organisation sees of its own: without it, everything contains
nothing, and every own row is seen.
"""

from typing import ClassVar

from django.db import migrations

OWN = "organisation_id = nullif(current_setting('app.organisation', true), '')::uuid"
SEARCHED = "tokens @> coalesce(nullif(current_setting('app.searched', true), ''), '{}')::integer[]"
ENTRY, COVERAGE = "recordings_searchentry", "recordings_searchcoverage"


def forced(table: str, seen: str) -> str:
    return f"""
        ALTER TABLE {table} SET UNLOGGED;
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY organisation ON {table} USING ({seen}) WITH CHECK ({OWN});
    """


def lifted(table: str) -> str:
    return f"""
        DROP POLICY organisation ON {table};
        ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
        ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
        ALTER TABLE {table} SET LOGGED;
    """


class Migration(migrations.Migration):
    dependencies: ClassVar = [("recordings", "0009_search_index")]
    operations: ClassVar = [
        # The tokens are long and look random: they lie beside the row, and are not worth compressing.
        migrations.RunSQL(
            f"ALTER TABLE {ENTRY} ALTER COLUMN tokens SET STORAGE EXTERNAL",
            f"ALTER TABLE {ENTRY} ALTER COLUMN tokens SET STORAGE EXTENDED",
        ),
        migrations.RunSQL(forced(ENTRY, f"{OWN} AND {SEARCHED}"), lifted(ENTRY)),
        migrations.RunSQL(forced(COVERAGE, OWN), lifted(COVERAGE)),
    ]

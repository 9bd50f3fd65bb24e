"""Data: every version that is there begins a term when it was submitted, and of each thing's audits one is the newest.

What the audits' new columns say besides (agent, time, clause) comes with their next judgement, which the changed
rulebook asks for; agent and time are put in now, so that reports have them at once. The owner of the tables sees every
organisation's rows only while row security is not forced on it.
"""

from typing import ClassVar

from django.db import migrations

TABLES = ("disclosure_promptterm", "disclosure_promptversion", "disclosure_disclosureaudit", "recordings_call")

FORWARD = """
    INSERT INTO disclosure_promptterm (id, organisation_id, prompt_id, agent_id, begins_at, agent_version)
    SELECT gen_random_uuid(), organisation_id, id, agent_id, submitted_at, '' FROM disclosure_promptversion;

    UPDATE disclosure_disclosureaudit AS audit SET is_newest = false
    WHERE EXISTS (
        SELECT FROM disclosure_disclosureaudit AS later
        WHERE later.id > audit.id AND (later.prompt_id = audit.prompt_id OR later.call_id = audit.call_id)
    );
    UPDATE disclosure_disclosureaudit AS audit SET agent_id = prompt.agent_id, held_at = prompt.submitted_at
    FROM disclosure_promptversion AS prompt WHERE prompt.id = audit.prompt_id;
    UPDATE disclosure_disclosureaudit AS audit
    SET agent_id = call.agent_id, held_at = coalesce(call.started_at, call.ended_at, call.registered_at)
    FROM recordings_call AS call WHERE call.id = audit.call_id;
    SET CONSTRAINTS ALL IMMEDIATE;
"""


def each(words: str) -> str:
    return "".join(f"ALTER TABLE {table} {words} ROW LEVEL SECURITY;\n" for table in TABLES)


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("disclosure", "0006_row_security_of_overrides"),
        ("recordings", "0008_alarms_before_expiry"),
    ]
    operations: ClassVar = [
        migrations.RunSQL(each("NO FORCE") + FORWARD + each("FORCE"), migrations.RunSQL.noop),
    ]

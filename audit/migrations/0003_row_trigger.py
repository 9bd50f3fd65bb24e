"""The trigger that regulated tables carry, so that bulk updates and raw SQL leave an entry too.

A room attaches it in its own migration:

    CREATE TRIGGER audit_rows AFTER INSERT OR UPDATE OR DELETE ON <table>
        FOR EACH ROW EXECUTE FUNCTION audit_row_changed();
    CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON <table> FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_truncate();

The table needs `id uuid` and `organisation_id uuid`; where the row is the organisation itself, `audit_row_changed('id')`.
The inbox row holds the object, the operation and the names of changed columns, no value. Under a log context it names that entry as
its cause; without one it says so, which raises an alarm.
"""

from django.db import migrations

CAPTURE = """
-- Runs with the rights of whoever changes the row, who therefore needs to be allowed to write the inbox: no log, no change.
-- The text is the clear half of a leaf in the leaf's own order. It is put together in one function: a call costs more than a line.
CREATE FUNCTION audit_row_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    organisation uuid;
    object uuid;
    act text;
    what text := '';
    cause text := nullif(current_setting('app.entry', true), '');
    place text;
    held text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        act := '"database.row.inserted"';
        object := NEW.id;
    ELSIF TG_OP = 'DELETE' THEN
        act := '"database.row.deleted"';
        object := OLD.id;
    ELSE
        act := '"database.row.updated"';
        object := NEW.id;
        SELECT string_agg('"c_' || changed.name || '":true', ',' ORDER BY changed.name COLLATE "C") INTO what
        FROM (SELECT DISTINCT left(regexp_replace(lower(now.key), '[^a-z0-9_]', '_', 'g'), 46) AS name
              FROM jsonb_each(to_jsonb(NEW)) AS now JOIN jsonb_each(to_jsonb(OLD)) AS before USING (key)
              WHERE now.value IS DISTINCT FROM before.value) AS changed;
        IF what IS NULL THEN
            RETURN NULL;
        END IF;
    END IF;
    IF TG_NARGS > 0 THEN
        organisation := object;
    ELSIF TG_OP = 'DELETE' THEN
        organisation := OLD.organisation_id;
    ELSE
        organisation := NEW.organisation_id;
    END IF;
    IF cause IS NULL THEN
        -- Not a role's name: it may be a person's.
        what := what || CASE what WHEN '' THEN '' ELSE ',' END || '"role":"'
                || CASE WHEN session_user IN ('callwarden_app', 'callwarden_owner') THEN session_user ELSE 'other' END
                || '","unattended":true';
    END IF;
    -- The next number in this session's lane for the organisation. A rollback takes the setting back, so only commits count.
    place := 'audit.lane_' || translate(organisation::text, '-', '');
    held := nullif(current_setting(place, true), '');
    IF held IS NULL THEN
        held := '"w":"' || left(translate(gen_random_uuid()::text, '-', ''), 12)
                || right(gen_random_uuid()::text, 4) || '"},"obj"/1';
    ELSE
        held := split_part(held, '/', 1) || '/' || (split_part(held, '/', 2)::bigint + 1);
    END IF;
    PERFORM set_config(place, held, false);
    INSERT INTO public.audit_inbox (id, organisation_id, clear) VALUES (
        -- RFC 9562 UUID version 7. Order inside a millisecond is left to the inbox's own sequence.
        encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING
            substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid,
        organisation,
        '{"act":' || act || ',"cause":' || coalesce('"' || cause || '"', 'null') || ',"cls":'
            || CASE TG_OP WHEN 'DELETE' THEN '"delete"' ELSE '"change"' END
            || ',"lane":{"n":' || split_part(held, '/', 2) || ',' || split_part(held, '/', 1) || ':{"id":"' || object || '","t":"'
            || TG_TABLE_NAME || '"},"out":"ok","req":null,"what":{' || what || '},"why":{}}');
    RETURN NULL;
END $$;

CREATE FUNCTION audit_refuse_truncate() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'TRUNCATE of % would leave no trace: refused', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
"""

DROP = "DROP FUNCTION audit_row_changed(), audit_refuse_truncate();"


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_guards")]

    operations = [migrations.RunSQL(CAPTURE, DROP)]

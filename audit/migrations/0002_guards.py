"""Who may do what to the log: grants, row security, and triggers that refuse even the owner.

These are the seat belt. A superuser, or an owner who disables triggers or drops tables, walks round them; what such a person cannot
walk round is the signed tree and its copies outside the database.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is never edited: % of % refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

-- An inbox row may go only when the tree holds its leaf.
CREATE FUNCTION audit_prove_sequenced() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM audit_leaf WHERE entry_id = OLD.id) THEN
        RAISE EXCEPTION 'inbox row % has no leaf: DELETE refused', OLD.id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END $$;

-- No disclosure goes silently: each digest of a deleted row is written down, with the entry that caused it.
CREATE FUNCTION audit_note_erasure() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO audit_erased_disclosure (entry_id, digest, organisation_id, cause)
    SELECT OLD.entry_id, substring(OLD.digests FROM 32 * n + 1 FOR 32), OLD.organisation_id,
           nullif(current_setting('app.erasure_cause', true), '')::uuid
    FROM generate_series(0, octet_length(OLD.digests) / 32 - 1) AS n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

-- Sizes only grow. One size may be signed again with the same root, and only by the root log (its signatures carry the time).
CREATE FUNCTION audit_checkpoint_grows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    last audit_checkpoint%ROWTYPE;
BEGIN
    SELECT * INTO last FROM audit_checkpoint WHERE organisation_id = NEW.organisation_id ORDER BY size DESC, revision DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN NEW;
    END IF;
    IF NEW.size > last.size AND NEW.revision = 0 THEN
        RETURN NEW;
    END IF;
    IF NEW.size = last.size AND NEW.root = last.root AND NEW.revision = last.revision + 1
       AND NEW.organisation_id = '00000000-0000-0000-0000-000000000001' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'checkpoint of size % after size % refused', NEW.size, last.size USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION audit_frontier_grows() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NEW.organisation_id <> OLD.organisation_id OR NEW.size < OLD.size OR NEW.published_size < OLD.published_size THEN
        RAISE EXCEPTION 'a frontier only grows: UPDATE refused' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

-- Makes the partitions of this month and the next; how many are new. Rows that fit none lie in the default partition.
CREATE FUNCTION audit_make_partitions() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET lock_timeout = '2s' SET timezone = 'UTC' AS $$
DECLARE
    month timestamptz;
    name text;
    made integer := 0;
BEGIN
    FOR month IN SELECT date_trunc('month', now()) + make_interval(months => n) FROM generate_series(0, 1) AS n LOOP
        name := 'audit_entry_' || to_char(month, '"y"YYYY"m"MM');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I PARTITION OF audit_entry FOR VALUES FROM (%L) TO (%L)', name,
                       audit_first_id(month), audit_first_id(month + interval '1 month'));
        PERFORM audit_close_partition(name);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;

-- The smallest UUIDv7 of a time.
CREATE FUNCTION audit_first_id(at timestamptz) RETURNS uuid LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- A partition is reached through its parent only.
CREATE FUNCTION audit_close_partition(name text) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format('REVOKE ALL ON %I FROM PUBLIC, callwarden_app, callwarden_sequencer', name);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()', name);
END $$;

REVOKE ALL ON FUNCTION audit_make_partitions(), audit_first_id(timestamptz), audit_close_partition(text), audit_refuse(),
    audit_prove_sequenced(), audit_note_erasure(), audit_checkpoint_grows(), audit_frontier_grows() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_make_partitions() TO callwarden_sequencer;
"""

DROP_FUNCTIONS = """
DROP FUNCTION audit_make_partitions(), audit_first_id(timestamptz), audit_close_partition(text), audit_frontier_grows(),
    audit_checkpoint_grows(), audit_note_erasure(), audit_prove_sequenced(), audit_refuse();
"""

TRIGGERS = """
CREATE TRIGGER audit_kept BEFORE UPDATE ON audit_inbox FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_sequenced BEFORE DELETE ON audit_inbox FOR EACH ROW EXECUTE FUNCTION audit_prove_sequenced();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_kept BEFORE UPDATE ON audit_disclosure FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_noted AFTER DELETE ON audit_disclosure FOR EACH ROW EXECUTE FUNCTION audit_note_erasure();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON audit_erased_disclosure FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON audit_leaf FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON audit_tile FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON audit_checkpoint FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_grows BEFORE INSERT ON audit_checkpoint FOR EACH ROW EXECUTE FUNCTION audit_checkpoint_grows();
CREATE TRIGGER audit_kept BEFORE DELETE ON audit_frontier FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_grows BEFORE UPDATE ON audit_frontier FOR EACH ROW EXECUTE FUNCTION audit_frontier_grows();
CREATE TRIGGER audit_kept BEFORE DELETE ON audit_state FOR EACH ROW EXECUTE FUNCTION audit_refuse();
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['audit_inbox', 'audit_entry', 'audit_disclosure', 'audit_erased_disclosure', 'audit_leaf',
                                'audit_tile', 'audit_checkpoint', 'audit_frontier', 'audit_state'] LOOP
        EXECUTE format('CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()', name);
    END LOOP;
END $$;
"""

DROP_TRIGGERS = """
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT tgname, tgrelid::regclass AS place FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
                 WHERE NOT tgisinternal AND tgparentid = 0 AND relname ~ '^audit_'
                   AND tgname IN ('audit_kept', 'audit_sequenced', 'audit_noted', 'audit_grows', 'audit_no_truncate') LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', found.tgname, found.place);
    END LOOP;
END $$;
"""

# The root log (…0001) holds nothing but the organisations' signed tree heads, and everybody may read it.
ROW_SECURITY = """
DO $$
DECLARE
    name text;
    mine text := 'organisation_id = nullif(current_setting(''app.organisation'', true), '''')::uuid';
    or_root text := mine || ' OR organisation_id = ''00000000-0000-0000-0000-000000000001''';
BEGIN
    FOREACH name IN ARRAY ARRAY['audit_inbox', 'audit_entry', 'audit_disclosure', 'audit_erased_disclosure', 'audit_leaf',
                                'audit_tile', 'audit_checkpoint', 'audit_frontier'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY sequencer ON %I TO callwarden_sequencer USING (true) WITH CHECK (true)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['audit_entry', 'audit_leaf', 'audit_tile', 'audit_checkpoint'] LOOP
        EXECUTE format('CREATE POLICY app_reads ON %I FOR SELECT TO callwarden_app USING (%s)', name, or_root);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['audit_disclosure', 'audit_erased_disclosure'] LOOP
        EXECUTE format('CREATE POLICY app_reads ON %I FOR SELECT TO callwarden_app USING (%s)', name, mine);
    END LOOP;
    EXECUTE format('CREATE POLICY app_erases ON audit_disclosure FOR DELETE TO callwarden_app USING (%s)', mine);
    EXECUTE format('CREATE POLICY app_writes ON audit_inbox FOR INSERT TO callwarden_app WITH CHECK (%s)', mine);
END $$;
-- What trigger functions need: those which run as the owner, and the row trigger under a migration of data.
CREATE POLICY owner_captures ON audit_inbox FOR INSERT TO callwarden_owner WITH CHECK (true);
CREATE POLICY owner_notes ON audit_erased_disclosure FOR INSERT TO callwarden_owner WITH CHECK (true);
CREATE POLICY owner_notes_once ON audit_erased_disclosure FOR SELECT TO callwarden_owner USING (true);
CREATE POLICY owner_proves ON audit_leaf FOR SELECT TO callwarden_owner USING (true);
CREATE POLICY owner_compares ON audit_checkpoint FOR SELECT TO callwarden_owner USING (true);
"""

NO_ROW_SECURITY = """
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT policyname, tablename FROM pg_policies WHERE tablename ~ '^audit_' LOOP
        EXECUTE format('DROP POLICY %I ON %I', found.policyname, found.tablename);
    END LOOP;
END $$;
"""

GRANTS = """
REVOKE ALL ON audit_inbox, audit_entry, audit_disclosure, audit_erased_disclosure, audit_leaf, audit_tile, audit_checkpoint,
    audit_frontier, audit_state FROM PUBLIC, callwarden_app, callwarden_sequencer;
REVOKE ALL ON SEQUENCE audit_inbox_seq_seq FROM PUBLIC, callwarden_app, callwarden_sequencer;

-- Not xid, seq or at: those are the database's word, not the application's.
GRANT INSERT (id, organisation_id, clear, key_id, sealed) ON audit_inbox TO callwarden_app;
GRANT SELECT ON audit_entry, audit_disclosure, audit_erased_disclosure, audit_leaf, audit_tile, audit_checkpoint, audit_state
    TO callwarden_app;
GRANT DELETE ON audit_disclosure TO callwarden_app;

GRANT USAGE ON SCHEMA public TO callwarden_sequencer;
GRANT SELECT, DELETE ON audit_inbox TO callwarden_sequencer;
GRANT SELECT, INSERT ON audit_entry, audit_disclosure, audit_erased_disclosure, audit_leaf, audit_tile, audit_checkpoint
    TO callwarden_sequencer;
GRANT SELECT, INSERT, UPDATE ON audit_frontier TO callwarden_sequencer;
GRANT SELECT, UPDATE ON audit_state TO callwarden_sequencer;
"""

PARTITIONS = "SELECT audit_close_partition('audit_entry_default'); SELECT audit_make_partitions();"


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_log_tables")]

    operations = [
        migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
        migrations.RunSQL(TRIGGERS, DROP_TRIGGERS),
        migrations.RunSQL(ROW_SECURITY, NO_ROW_SECURITY),
        migrations.RunSQL(GRANTS, migrations.RunSQL.noop),
        migrations.RunSQL(PARTITIONS, migrations.RunSQL.noop),
    ]

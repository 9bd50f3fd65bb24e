"""The log's tables, in SQL: partitions, a generated hash and identity columns are beyond the schema editor.

The primary key of an entry is its UUIDv7, so that monthly partitions by id need no second key column. `audit_make_partitions`
belongs to the owner and runs with the owner's rights, because the sequencer may not create tables.
"""

from django.db import migrations, models

TABLES = """
CREATE TABLE audit_inbox (
    id uuid PRIMARY KEY,
    xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    organisation_id uuid NOT NULL,
    clear text NOT NULL,
    key_id uuid,
    sealed bytea,
    CHECK ((key_id IS NULL) = (sealed IS NULL))
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE UNIQUE INDEX audit_inbox_order ON audit_inbox (xid, seq);

CREATE TABLE audit_entry (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    act text NOT NULL,
    cls text NOT NULL,
    outcome text NOT NULL,
    object_type text NOT NULL,
    object_id uuid,
    cause uuid,
    leaf bytea NOT NULL CHECK (octet_length(leaf) <= 65535),
    leaf_hash bytea NOT NULL GENERATED ALWAYS AS (sha256('\\x00'::bytea || leaf)) STORED
) PARTITION BY RANGE (id);
CREATE INDEX audit_entry_object ON audit_entry (organisation_id, object_id) WHERE object_id IS NOT NULL;
CREATE INDEX audit_entry_cause ON audit_entry (cause) WHERE cause IS NOT NULL;
CREATE TABLE audit_entry_default PARTITION OF audit_entry DEFAULT;

CREATE TABLE audit_disclosure (
    entry_id uuid NOT NULL,
    part text NOT NULL,
    organisation_id uuid NOT NULL,
    subject_id uuid,
    key_id uuid NOT NULL,
    digests bytea NOT NULL CHECK (octet_length(digests) > 0 AND octet_length(digests) % 32 = 0),
    sealed bytea NOT NULL,
    PRIMARY KEY (entry_id, part)
);
CREATE INDEX audit_disclosure_subject ON audit_disclosure (organisation_id, subject_id) WHERE subject_id IS NOT NULL;

CREATE TABLE audit_erased_disclosure (
    entry_id uuid NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    organisation_id uuid NOT NULL,
    cause uuid,
    erased_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (entry_id, digest)
);
CREATE INDEX audit_erased_disclosure_organisation ON audit_erased_disclosure (organisation_id, entry_id);

CREATE TABLE audit_leaf (
    organisation_id uuid NOT NULL,
    index bigint NOT NULL CHECK (index >= 0),
    entry_id uuid NOT NULL UNIQUE,
    leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
    PRIMARY KEY (organisation_id, index)
);

CREATE TABLE audit_tile (
    organisation_id uuid NOT NULL,
    level smallint NOT NULL CHECK (level BETWEEN 0 AND 7),
    index bigint NOT NULL CHECK (index >= 0),
    data bytea NOT NULL CHECK (octet_length(data) = 8192),
    PRIMARY KEY (organisation_id, level, index)
);
ALTER TABLE audit_tile ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE audit_checkpoint (
    organisation_id uuid NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    revision integer NOT NULL DEFAULT 0,
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    note text NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    root_index bigint,
    PRIMARY KEY (organisation_id, size, revision)
);

CREATE TABLE audit_frontier (
    organisation_id uuid PRIMARY KEY,
    size bigint NOT NULL,
    nodes bytea NOT NULL,
    published_size bigint NOT NULL DEFAULT 0,
    published_at timestamptz
) WITH (fillfactor = 70);

CREATE TABLE audit_state (
    id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    cursor_xid bigint NOT NULL DEFAULT 0,
    cursor_seq bigint NOT NULL DEFAULT 0,
    low_xid bigint NOT NULL DEFAULT 0,
    system_identifier bigint,
    timeline integer,
    beat_at timestamptz
) WITH (fillfactor = 50);
INSERT INTO audit_state (id) VALUES (1);
"""

DROP_TABLES = """
DROP TABLE audit_state, audit_frontier, audit_checkpoint, audit_tile, audit_leaf, audit_erased_disclosure, audit_disclosure,
    audit_entry, audit_inbox;
"""

STATE = [
    migrations.CreateModel(
        name="InboxRow",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("xid", models.BigIntegerField(help_text="pg_current_xact_id() of the writing transaction")),
            ("seq", models.BigIntegerField(help_text="order inside the transaction")),
            ("at", models.DateTimeField(help_text="the database's clock")),
            ("organisation_id", models.UUIDField()),
            ("clear", models.TextField(help_text="JSON of the leaf's clear fields")),
            ("key_id", models.UUIDField(null=True)),
            ("sealed", models.BinaryField(null=True)),
        ],
        options={"db_table": "audit_inbox", "abstract": False, "default_permissions": ("view",)},
    ),
    migrations.CreateModel(
        name="Entry",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("organisation_id", models.UUIDField()),
            ("recorded_at", models.DateTimeField()),
            ("act", models.TextField()),
            ("cls", models.TextField()),
            ("outcome", models.TextField()),
            ("object_type", models.TextField()),
            ("object_id", models.UUIDField(null=True)),
            ("cause", models.UUIDField(null=True)),
            ("leaf", models.BinaryField()),
            ("leaf_hash", models.BinaryField(help_text="generated by the database from the leaf")),
        ],
        options={"db_table": "audit_entry", "abstract": False, "default_permissions": ("view",)},
    ),
    migrations.CreateModel(
        name="Disclosure",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "entry_id", "part", blank=True, editable=False, primary_key=True, serialize=False
                ),
            ),
            ("entry_id", models.UUIDField()),
            ("part", models.TextField()),
            ("organisation_id", models.UUIDField()),
            ("subject_id", models.UUIDField(null=True)),
            ("key_id", models.UUIDField()),
            (
                "digests",
                models.BinaryField(
                    help_text="32 bytes a disclosure: what the leaf's _sd says, so that erasing needs no key"
                ),
            ),
            ("sealed", models.BinaryField()),
        ],
        options={"db_table": "audit_disclosure", "abstract": False, "default_permissions": ("view",)},
    ),
    migrations.CreateModel(
        name="ErasedDisclosure",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "entry_id", "digest", blank=True, editable=False, primary_key=True, serialize=False
                ),
            ),
            ("entry_id", models.UUIDField()),
            ("digest", models.BinaryField()),
            ("organisation_id", models.UUIDField()),
            (
                "cause",
                models.UUIDField(
                    help_text="the entry of the erasure; null where the key was gone before sequencing", null=True
                ),
            ),
            ("erased_at", models.DateTimeField()),
        ],
        options={"db_table": "audit_erased_disclosure", "abstract": False, "default_permissions": ("view",)},
    ),
    migrations.CreateModel(
        name="Leaf",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "organisation_id", "index", blank=True, editable=False, primary_key=True, serialize=False
                ),
            ),
            ("organisation_id", models.UUIDField()),
            ("index", models.BigIntegerField()),
            ("entry_id", models.UUIDField(unique=True)),
            ("leaf_hash", models.BinaryField()),
        ],
        options={"db_table": "audit_leaf", "abstract": False, "default_permissions": ("view",)},
    ),
    migrations.CreateModel(
        name="Tile",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "organisation_id", "level", "index", blank=True, editable=False, primary_key=True, serialize=False
                ),
            ),
            ("organisation_id", models.UUIDField()),
            ("level", models.SmallIntegerField()),
            ("index", models.BigIntegerField()),
            ("data", models.BinaryField()),
        ],
        options={"db_table": "audit_tile", "abstract": False, "default_permissions": ("view",)},
    ),
    migrations.CreateModel(
        name="Checkpoint",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "organisation_id", "size", "revision", blank=True, editable=False, primary_key=True, serialize=False
                ),
            ),
            ("organisation_id", models.UUIDField()),
            ("size", models.BigIntegerField()),
            ("revision", models.IntegerField(default=0)),
            ("root", models.BinaryField()),
            ("note", models.TextField()),
            ("signed_at", models.DateTimeField()),
            ("root_index", models.BigIntegerField(help_text="where the root log holds this checkpoint", null=True)),
        ],
        options={"db_table": "audit_checkpoint", "abstract": False, "default_permissions": ("view",)},
    ),
    migrations.CreateModel(
        name="Frontier",
        fields=[
            ("organisation_id", models.UUIDField(primary_key=True, serialize=False)),
            ("size", models.BigIntegerField()),
            ("nodes", models.BinaryField()),
            ("published_size", models.BigIntegerField(default=0)),
            ("published_at", models.DateTimeField(null=True)),
        ],
        options={"db_table": "audit_frontier", "abstract": False, "default_permissions": ("view",)},
    ),
    migrations.CreateModel(
        name="State",
        fields=[
            ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
            ("cursor_xid", models.BigIntegerField(default=0)),
            ("cursor_seq", models.BigIntegerField(default=0)),
            (
                "low_xid",
                models.BigIntegerField(
                    default=0, help_text="every transaction below this one has ended and been looked at"
                ),
            ),
            ("system_identifier", models.BigIntegerField(null=True)),
            ("timeline", models.IntegerField(null=True)),
            ("beat_at", models.DateTimeField(help_text="when the sequencer last found nothing left undone", null=True)),
        ],
        options={"db_table": "audit_state", "abstract": False, "default_permissions": ("view",)},
    ),
]


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(TABLES, DROP_TABLES)],
            state_operations=STATE,
        )
    ]

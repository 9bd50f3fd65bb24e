"""The key database keeps the mark of the last destruction, and which organisation key each key lies under.

Two rows may bear one name while a key is being replaced: the spare one is not yet, or no longer, in use. A root under
which a key lies cannot be deleted: the database itself sees to it.
"""

from __future__ import annotations

from django.db import migrations, models

ROOTS = """
    ALTER TABLE keystore_key NO FORCE ROW LEVEL SECURITY;
    UPDATE keystore_key AS held SET root_id = root.id FROM keystore_key AS root
     WHERE root.kind = 0 AND held.kind <> 0 AND root.organisation_id = held.organisation_id;
    ALTER TABLE keystore_key FORCE ROW LEVEL SECURITY;
"""
HELD = "ALTER TABLE keystore_key ADD CONSTRAINT keystore_key_lies_under FOREIGN KEY (root_id) REFERENCES keystore_key"
LOOSE = "ALTER TABLE keystore_key DROP CONSTRAINT keystore_key_lies_under"


class Migration(migrations.Migration):
    dependencies = [("keystore", "0002_row_security")]

    operations = [
        migrations.AddField(
            model_name="epoch",
            name="mark",
            field=models.PositiveBigIntegerField(
                default=0, help_text="the last destruction's number in the main database"
            ),
        ),
        migrations.AddField(
            model_name="key",
            name="root_id",
            field=models.UUIDField(help_text="the organisation key that it lies under; none for those", null=True),
        ),
        migrations.AddField(
            model_name="key",
            name="is_spare",
            field=models.BooleanField(default=False, help_text="beside the one in use while that is being replaced"),
        ),
        migrations.AddField(
            model_name="key",
            name="is_told",
            field=models.BooleanField(default=True, help_text="that its wrap was renewed stands in the log"),
        ),
        migrations.RemoveConstraint(model_name="key", name="one_key_a_scope"),
        migrations.AddConstraint(
            model_name="key",
            constraint=models.UniqueConstraint(
                fields=["organisation_id", "kind", "scope_id", "is_spare"], name="one_key_a_scope_and_a_spare"
            ),
        ),
        migrations.AddIndex(model_name="key", index=models.Index(fields=["root_id", "id"], name="keys_by_root")),
        migrations.RunSQL(ROOTS, migrations.RunSQL.noop),
        migrations.RunSQL(HELD, LOOSE),
    ]

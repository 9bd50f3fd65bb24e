"""One row that counts destructions. It belongs to the deployment, so it has no row security; the service moves it on."""

from __future__ import annotations

from django.db import migrations, models

FIRST = "INSERT INTO vault_destructionmark (id, number, confirmed) VALUES (1, 0, 0)"
GUARD = "REVOKE INSERT, DELETE, TRUNCATE ON vault_destructionmark FROM callwarden_app"
UNGUARD = "GRANT INSERT, DELETE ON vault_destructionmark TO callwarden_app"


class Migration(migrations.Migration):
    dependencies = [("vault", "0004_sha512_where_it_is_asked_for")]

    operations = [
        migrations.CreateModel(
            name="DestructionMark",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ("number", models.PositiveBigIntegerField(default=0, help_text="the last that was drawn")),
                (
                    "confirmed",
                    models.PositiveBigIntegerField(default=0, help_text="the last that the key database has kept"),
                ),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="one_destruction_mark")],
            },
        ),
        migrations.RunSQL(FIRST, migrations.RunSQL.noop),
        migrations.RunSQL(GUARD, UNGUARD),
    ]

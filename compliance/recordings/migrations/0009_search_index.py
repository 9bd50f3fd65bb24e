import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models
from django.db.models.functions import Coalesce

import audit.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_row_security"),
        ("recordings", "0008_alarms_before_expiry"),
    ]

    operations = [
        migrations.CreateModel(
            name="SearchCoverage",
            fields=[
                ("id", models.UUIDField(default=audit.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "reached_at",
                    models.DateTimeField(help_text="calls that began then or later are indexed", null=True),
                ),
                ("reached_id", models.UUIDField(help_text="of the last call that was looked at", null=True)),
                (
                    "indexed",
                    models.PositiveIntegerField(default=0, help_text="calls that were indexed by this rebuild"),
                ),
                ("begun_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "organisation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organisation"
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="SearchEntry",
            fields=[
                (
                    "call",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="recordings.call",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organisation",
                    ),
                ),
                ("version", models.PositiveIntegerField(help_text="of the transcript")),
                ("began_at", models.DateTimeField(help_text="the call's start; or end, or registration")),
                (
                    "tokens",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.IntegerField(), help_text="vault.blinding", size=None
                    ),
                ),
            ],
            options={
                "indexes": [django.contrib.postgres.indexes.GinIndex(fields=["tokens"], name="search_tokens")],
            },
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                models.F("organisation"),
                Coalesce("started_at", "ended_at", "registered_at").desc(),
                models.F("id").desc(),
                name="calls_by_beginning",
            ),
        ),
    ]

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import audit.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_row_security"),
        ("recordings", "0010_row_security_of_search"),
    ]

    operations = [
        migrations.CreateModel(
            name="CallInsights",
            fields=[
                ("id", models.UUIDField(default=audit.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("method", models.PositiveIntegerField(help_text="insights.conclusions.METHOD")),
                ("sealed", models.BinaryField(help_text="none: the transcript could not be read", null=True)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "artifact",
                    models.ForeignKey(
                        help_text="the transcript",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="recordings.artifact",
                    ),
                ),
                (
                    "call",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="recordings.call"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organisation"
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
    ]

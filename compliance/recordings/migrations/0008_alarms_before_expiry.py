from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("recordings", "0007_index_of_what_is_to_go"),
    ]

    operations = [
        migrations.AddField(
            model_name="artifact",
            name="alarm",
            field=models.CharField(
                blank=True,
                default="",
                help_text="how near the platform's deletion was at the last alarm: not stored yet",
                max_length=24,
            ),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="artifact",
            index=models.Index(
                condition=models.Q(
                    ("state__in", ("announced", "fetching", "retry_wait", "unavailable", "quarantined"))
                ),
                fields=["organisation", "-id"],
                name="artifacts_not_secured",
            ),
        ),
    ]

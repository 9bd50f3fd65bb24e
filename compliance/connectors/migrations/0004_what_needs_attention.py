from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("connectors", "0003_secrets_health_and_pulling"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="attention",
            field=models.JSONField(default=list, help_text="codes of what needed attention when it was looked at last"),
        ),
    ]

"""An object that was sealed again names the ciphertext that it had before, until that is removed."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("vault", "0005_destruction_mark")]

    operations = [
        migrations.AddField(
            model_name="sealedobject",
            name="replaced_key",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="the ciphertext before, until it is removed",
                max_length=120,
            ),
        ),
    ]

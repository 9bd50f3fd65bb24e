"""SHA-512 costs more than all the rest of sealing: it is taken where somebody announced it. No column changes."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("vault", "0003_sealed_objects_in_key_order")]

    operations = [
        migrations.AlterField(
            model_name="sealedobject",
            name="sha512",
            field=models.CharField(
                blank=True, help_text="of the plaintext, hex; empty where not asked for", max_length=128
            ),
        ),
    ]

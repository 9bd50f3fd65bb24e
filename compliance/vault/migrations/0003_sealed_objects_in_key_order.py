import django.db.models.functions.comparison
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_row_security"),
        ("vault", "0002_row_security"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="sealedobject",
            index=models.Index(
                django.db.models.functions.comparison.Collate("store_key", "C"),
                condition=models.Q(("store_key", ""), _negated=True),
                name="sealed_object_by_key",
            ),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("intake", "0004_row_security_of_imports"),
    ]

    operations = [
        migrations.AddField(
            model_name="importrun",
            name="missed",
            field=models.PositiveIntegerField(
                default=0, help_text="registered late: a delivery should have told of them"
            ),
        ),
        migrations.AlterField(
            model_name="importrun",
            name="kind",
            field=models.CharField(
                choices=[
                    ("history", "A platform's history"),
                    ("folder", "A folder of files"),
                    ("bucket", "A bucket of files"),
                    ("recent", "Poll of the last two days"),
                    ("far", "Poll of the last two weeks"),
                ],
                max_length=8,
            ),
        ),
    ]

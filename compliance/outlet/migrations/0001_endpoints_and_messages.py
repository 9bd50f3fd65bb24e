import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import audit.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0002_row_security"),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                ("id", models.UUIDField(default=audit.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("url", models.CharField(blank=True, help_text="empty once removed", max_length=2000)),
                ("description", models.CharField(blank=True, max_length=200)),
                (
                    "event_types",
                    models.JSONField(default=list, help_text="names of events, or the beginning of names and .*"),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("active", "Active"),
                            ("paused", "Paused"),
                            ("disabled", "Disabled by failures"),
                            ("removed", "Removed"),
                        ],
                        default="active",
                        max_length=10,
                    ),
                ),
                (
                    "reason",
                    models.CharField(blank=True, help_text="why it was disabled: gone or failing", max_length=32),
                ),
                (
                    "failing_since",
                    models.DateTimeField(blank=True, help_text="first failed try since the last success", null=True),
                ),
                ("failures", models.PositiveIntegerField(default=0, help_text="failed tries since the last success")),
                (
                    "rests_until",
                    models.DateTimeField(blank=True, help_text="overloaded: nothing is sent before", null=True),
                ),
                ("missed", models.PositiveBigIntegerField(default=0, help_text="messages that were given up unsent")),
                ("missed_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organisation"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="WebhookMessage",
            fields=[
                ("id", models.UUIDField(default=audit.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("type", models.CharField(max_length=64)),
                ("occurred_at", models.DateTimeField()),
                ("body", models.TextField(help_text="JSON in ASCII, as it is sent and signed")),
                ("once", models.CharField(blank=True, help_text="an occasion that is told once", max_length=120)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organisation"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="WebhookDispatch",
            fields=[
                ("id", models.UUIDField(default=audit.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("delivered", "Delivered"), ("failed", "Given up")],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                (
                    "tries",
                    models.PositiveSmallIntegerField(default=0, help_text="failed tries since it was last asked for"),
                ),
                ("last_code", models.CharField(blank=True, max_length=32)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organisation"
                    ),
                ),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="outlet.webhookendpoint"
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="outlet.webhookmessage"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="WebhookSecret",
            fields=[
                ("id", models.UUIDField(default=audit.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("sealed_value", models.BinaryField(help_text="label outlet_webhooksecret.value/<id>", null=True)),
                ("valid_from", models.DateTimeField(default=django.utils.timezone.now)),
                ("valid_until", models.DateTimeField(blank=True, null=True)),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="outlet.webhookendpoint"
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
                "ordering": ["valid_from"],
            },
        ),
        migrations.CreateModel(
            name="WebhookAttempt",
            fields=[
                ("id", models.UUIDField(default=audit.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                ("status_code", models.PositiveSmallIntegerField(help_text="null where no answer came", null=True)),
                ("code", models.CharField(help_text="accepted, or how it failed", max_length=32)),
                ("duration_ms", models.PositiveIntegerField()),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organisation"
                    ),
                ),
                (
                    "dispatch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="outlet.webhookdispatch"
                    ),
                ),
            ],
            options={
                "ordering": ["number"],
                "constraints": [models.UniqueConstraint(fields=("dispatch", "number"), name="one_attempt_a_number")],
            },
        ),
        migrations.AddIndex(
            model_name="webhookmessage",
            index=models.Index(fields=["organisation", "created_at"], name="messages_by_age"),
        ),
        migrations.AddConstraint(
            model_name="webhookmessage",
            constraint=models.UniqueConstraint(
                condition=models.Q(("once", ""), _negated=True),
                fields=("organisation", "type", "once"),
                name="one_message_an_occasion",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdispatch",
            index=models.Index(fields=["endpoint", "state", "id"], name="dispatches_by_state"),
        ),
        migrations.AddConstraint(
            model_name="webhookdispatch",
            constraint=models.UniqueConstraint(fields=("message", "endpoint"), name="one_dispatch_an_endpoint"),
        ),
    ]

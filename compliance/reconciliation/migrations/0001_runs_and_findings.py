import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import audit.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0002_row_security"),
        ("recordings", "0007_index_of_what_is_to_go"),
    ]

    operations = [
        migrations.CreateModel(
            name="Run",
            fields=[
                ("id", models.UUIDField(default=audit.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("stopped", "Stopped: too many findings of one kind"),
                            ("finished", "Finished"),
                        ],
                        default="running",
                        max_length=10,
                    ),
                ),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("store", "Objects against rows"),
                            ("tombstones", "Copies of tombstones"),
                            ("unfinished", "What was never finished"),
                            ("places", "Places of artifacts"),
                            ("due", "What is overdue"),
                            ("holds", "What is held"),
                            ("reading", "Reading again"),
                            ("closing", "Closing"),
                        ],
                        default="store",
                        max_length=12,
                    ),
                ),
                (
                    "cursor",
                    models.CharField(
                        blank=True, help_text="the last key or id of the stage that was done", max_length=1100
                    ),
                ),
                ("started_by", models.CharField(max_length=64)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("guard_hours", models.PositiveIntegerField(help_text="what is younger is not judged")),
                (
                    "expected",
                    models.PositiveBigIntegerField(
                        default=0, help_text="objects that the register expected at the start"
                    ),
                ),
                (
                    "most",
                    models.PositiveIntegerField(default=0, help_text="findings of one guarded kind that stop the run"),
                ),
                (
                    "stopped_for",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("orphan", "orphan"),
                            ("missing", "missing"),
                            ("found_again", "found again"),
                            ("size", "size"),
                            ("hash", "hash"),
                            ("wrong_key", "wrong key"),
                            ("storage_class", "storage class"),
                            ("extra_version", "extra version"),
                            ("delete_marker", "delete marker"),
                            ("undead", "undead"),
                            ("vendor_undead", "vendor undead"),
                            ("overdue", "overdue"),
                            ("held_but_gone", "held but gone"),
                            ("count_gap", "count gap"),
                            ("backup_overdue", "backup overdue"),
                            ("unfinished", "unfinished"),
                            ("tombstone", "tombstone"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "is_unguarded",
                    models.BooleanField(default=False, help_text="an officer let it go on after it had stopped"),
                ),
                ("objects_seen", models.PositiveBigIntegerField(default=0)),
                ("rows_seen", models.PositiveBigIntegerField(default=0)),
                ("bytes_seen", models.PositiveBigIntegerField(default=0)),
                ("young", models.PositiveBigIntegerField(default=0, help_text="left out because of their age")),
                (
                    "budget",
                    models.PositiveBigIntegerField(default=0, help_text="bytes that are read again in this run"),
                ),
                ("objects_read", models.PositiveBigIntegerField(default=0)),
                ("bytes_read", models.PositiveBigIntegerField(default=0)),
                ("counts", models.JSONField(default=dict, help_text="findings by kind, seen by this run")),
                ("entries", models.JSONField(default=list, help_text="the log entries of start, stop and end")),
                (
                    "report",
                    models.BinaryField(help_text="the signed statement: counts, ids and log positions", null=True),
                ),
                ("last_code", models.CharField(blank=True, help_text="why it waits, where it does", max_length=64)),
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
            name="Finding",
            fields=[
                ("id", models.UUIDField(default=audit.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("orphan", "orphan"),
                            ("missing", "missing"),
                            ("found_again", "found again"),
                            ("size", "size"),
                            ("hash", "hash"),
                            ("wrong_key", "wrong key"),
                            ("storage_class", "storage class"),
                            ("extra_version", "extra version"),
                            ("delete_marker", "delete marker"),
                            ("undead", "undead"),
                            ("vendor_undead", "vendor undead"),
                            ("overdue", "overdue"),
                            ("held_but_gone", "held but gone"),
                            ("count_gap", "count gap"),
                            ("backup_overdue", "backup overdue"),
                            ("unfinished", "unfinished"),
                            ("tombstone", "tombstone"),
                        ],
                        max_length=20,
                    ),
                ),
                ("thing", models.CharField(help_text="key, or table and id: the same in every run", max_length=1100)),
                ("object_id", models.UUIDField(blank=True, help_text="the sealed object's row", null=True)),
                ("facts", models.JSONField(default=dict, help_text="codes and numbers")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("proposed", "Repair proposed"),
                            ("approved", "Repair approved"),
                            ("dismissed", "Dismissed"),
                            ("repaired", "Repaired"),
                            ("resolved_by_itself", "Gone by itself"),
                        ],
                        default="open",
                        max_length=20,
                    ),
                ),
                ("first_seen_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_seen_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "repair",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("delete_object", "delete object"),
                            ("delete_extra_versions", "delete extra versions"),
                            ("delete_markers", "delete markers"),
                            ("end_unfinished", "end unfinished"),
                            ("mark_missing", "mark missing"),
                            ("mark_found", "mark found"),
                        ],
                        max_length=24,
                    ),
                ),
                ("proposed_by", models.CharField(blank=True, max_length=64)),
                ("proposed_at", models.DateTimeField(blank=True, null=True)),
                ("decided_by", models.CharField(blank=True, max_length=64)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                (
                    "code",
                    models.CharField(
                        blank=True, help_text="why it was dismissed, or the repair refused", max_length=64
                    ),
                ),
                ("proof", models.JSONField(default=dict, help_text="what was asked after the repair, and the answer")),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "artifact",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="recordings.artifact",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organisation"
                    ),
                ),
                (
                    "first_run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="reconciliation.run",
                    ),
                ),
                (
                    "last_run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="reconciliation.run",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "running")), fields=("organisation",), name="one_reconciliation_at_a_time"
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["organisation", "state", "kind"], name="discrepancies_by_state"),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["open", "proposed", "approved", "dismissed"])),
                fields=("organisation", "kind", "thing"),
                name="one_finding_a_discrepancy",
            ),
        ),
    ]

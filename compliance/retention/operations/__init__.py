"""Schedules, legal holds and runs: every change of how long something is kept."""

from compliance.retention.operations.assigning import (
    assign_batch,
    assign_everything,
    assign_person,
    assign_retention,
    assign_retention_alone,
)
from compliance.retention.operations.changing import (
    approve_schedule,
    reject_schedule,
    set_schedule,
    withdraw_schedule,
)
from compliance.retention.operations.hold_queries import preview_hold
from compliance.retention.operations.legal_holds import (
    add_calls,
    calls_under,
    freeze_hold,
    hold_for,
    open_reason,
    place_hold,
)
from compliance.retention.operations.previewing import preview_schedule
from compliance.retention.operations.releasing import approve_release, let_go, propose_release
from compliance.retention.operations.reviewing import approve_review, extend_review, open_reviews
from compliance.retention.operations.running import (
    apply_schedules,
    approve_run,
    refuse_run,
    run_for,
    start_run,
    would_leave,
)
from compliance.retention.operations.schedules import current_schedule

__all__ = [
    "add_calls",
    "apply_schedules",
    "approve_release",
    "approve_review",
    "approve_run",
    "approve_schedule",
    "assign_batch",
    "assign_everything",
    "assign_person",
    "assign_retention",
    "assign_retention_alone",
    "calls_under",
    "current_schedule",
    "extend_review",
    "freeze_hold",
    "hold_for",
    "let_go",
    "open_reason",
    "open_reviews",
    "place_hold",
    "preview_hold",
    "preview_schedule",
    "propose_release",
    "refuse_run",
    "reject_schedule",
    "run_for",
    "set_schedule",
    "start_run",
    "withdraw_schedule",
    "would_leave",
]

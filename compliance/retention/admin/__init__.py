"""Console: legal holds, the schedule, disposals, and the places that still owe a proof of deletion."""

from __future__ import annotations

from compliance.retention.admin.debts import LocationAdmin
from compliance.retention.admin.disposals import DisposalAdmin
from compliance.retention.admin.holds import LegalHoldAdmin
from compliance.retention.admin.proposals import DisposalProposalAdmin
from compliance.retention.admin.runs import RetentionReviewAdmin, RetentionRunAdmin
from compliance.retention.admin.schedules import RetentionScheduleAdmin
from compliance.retention.admin.tasks import UpstreamTaskAdmin

__all__ = [
    "DisposalAdmin",
    "DisposalProposalAdmin",
    "LegalHoldAdmin",
    "LocationAdmin",
    "RetentionReviewAdmin",
    "RetentionRunAdmin",
    "RetentionScheduleAdmin",
    "UpstreamTaskAdmin",
]

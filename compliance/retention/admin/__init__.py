"""Console: legal holds, the schedule, disposals, and the places that still owe a proof of deletion."""

from __future__ import annotations

from compliance.retention.admin.debts import LocationAdmin
from compliance.retention.admin.disposals import DisposalAdmin
from compliance.retention.admin.holds import LegalHoldAdmin
from compliance.retention.admin.schedules import RetentionScheduleAdmin

__all__ = ["DisposalAdmin", "LegalHoldAdmin", "LocationAdmin", "RetentionScheduleAdmin"]

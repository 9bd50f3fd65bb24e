"""Names of this room's log events."""

from __future__ import annotations

RUN_STARTED = "reconciliation.run.started"
PAGE_COMPARED = "reconciliation.page.compared"
RUN_STOPPED = "reconciliation.run.stopped"
RUN_CONTINUED = "reconciliation.run.continued"
RUN_FINISHED = "reconciliation.run.finished"
REPORT_ISSUED = "reconciliation.report.issued"
REPORT_OPENED = "reconciliation.report.opened"
FINDING_NOTED = "reconciliation.finding.noted"
FINDING_CLEARED = "reconciliation.finding.cleared"
FINDING_DISMISSED = "reconciliation.finding.dismissed"
REPAIR_PROPOSED = "reconciliation.repair.proposed"
REPAIR_APPROVED = "reconciliation.repair.approved"
REPAIR_CARRIED_OUT = "reconciliation.repair.carried_out"

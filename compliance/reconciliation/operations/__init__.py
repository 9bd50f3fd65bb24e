"""What is done with runs, findings and repairs. Other rooms use this door."""

from __future__ import annotations

from compliance.reconciliation.operations.findings import clear_finding, dismiss_finding, note_finding
from compliance.reconciliation.operations.repairing import approve_repair, carry_out_repair, propose_repair
from compliance.reconciliation.operations.running import continue_run, start_run, work_run
from compliance.reconciliation.operations.vendors import note_listed_calls, probe_platforms

__all__ = [
    "approve_repair",
    "carry_out_repair",
    "clear_finding",
    "continue_run",
    "dismiss_finding",
    "note_finding",
    "note_listed_calls",
    "probe_platforms",
    "propose_repair",
    "start_run",
    "work_run",
]

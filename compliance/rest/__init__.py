"""DRF plumbing: one organisation's scope a request, problem details, strict input, cursor pages, Idempotency-Key,
ETag.
"""

from __future__ import annotations

from compliance.rest.inputs import StrictSerializer, read_choice, read_id, read_input
from compliance.rest.pages import page_of
from compliance.rest.problems import PROBLEM_JSON, handle_exception, problem
from compliance.rest.views import OrganisationView, Written

__all__ = [
    "PROBLEM_JSON",
    "OrganisationView",
    "StrictSerializer",
    "Written",
    "handle_exception",
    "page_of",
    "problem",
    "read_choice",
    "read_id",
    "read_input",
]

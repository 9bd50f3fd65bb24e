"""Console: prompts, what the judge said about prompts and calls, and the findings that need a person."""

from __future__ import annotations

from compliance.disclosure.admin.audits import DisclosureAuditAdmin
from compliance.disclosure.admin.figures import ReportAdmin
from compliance.disclosure.admin.findings import FindingAdmin
from compliance.disclosure.admin.overrides import JurisdictionOverrideAdmin
from compliance.disclosure.admin.prompts import PromptVersionAdmin
from compliance.disclosure.admin.waivers import WaiverAdmin

__all__ = [
    "DisclosureAuditAdmin",
    "FindingAdmin",
    "JurisdictionOverrideAdmin",
    "PromptVersionAdmin",
    "ReportAdmin",
    "WaiverAdmin",
]

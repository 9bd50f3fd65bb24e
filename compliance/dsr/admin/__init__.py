"""Console: requests of data subjects, and the letters that answer them."""

from __future__ import annotations

from compliance.dsr.admin.letters import OutboundMailAdmin
from compliance.dsr.admin.requests import SubjectRequestAdmin

__all__ = ["OutboundMailAdmin", "SubjectRequestAdmin"]

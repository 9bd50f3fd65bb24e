"""Why data leaves. Pure."""

from __future__ import annotations

from enum import StrEnum


class Ground(StrEnum):
    """Why data leaves."""

    RETENTION_EXPIRED = "retention_expired"  # GDPR Art. 5(1)(e)
    ERASURE_REQUEST = "erasure_request"  # GDPR Art. 17(1); Cal. Civ. Code 1798.105
    OBJECTION = "objection"  # GDPR Art. 21(1), 7(3); Cal. Penal Code 632
    CONSENT_REFUSED = "consent_refused"  # GDPR Art. 6(1)(a), 7; Cal. Penal Code 632

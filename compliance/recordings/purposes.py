"""Why content is opened. Pure.

The log's leaf is for ever and takes codes only. A purpose in somebody's own words may name a person, so it goes where
it can be destroyed, and the leaf says that one was stated.
"""

from __future__ import annotations

CODES = frozenset(
    [
        "quality_assurance",
        "training",
        "complaint",
        "dispute",
        "legal_claim",
        "subject_request",
        "security",
        "support",
        "disclosure_audit",
        "billing",
        "investigation",
        "fulfilment",
        "test",
    ]
)
"""Purposes that the leaf names."""

STATED = "stated"
MAX_LENGTH = 100


def code_of(purpose: str) -> str:
    """The purpose's code for the leaf: one of CODES, or `stated`."""
    code = "_".join(purpose.lower().replace("-", " ").split())
    return code if code in CODES else STATED

"""Retention schedules: which rule an artifact falls under, on which day it is due, and why, in words.

Pure. What can go wrong: an artifact that no rule reaches and that therefore stays for ever, unseen. So a schedule must
end with a rule for everything, a clock whose day is unknown falls back to registration, and "kept" is the decision of
a rule, with a warning, never the absence of one.
"""

from compliance.retention.rules.assignment import Assignment, assign, case_closed_on
from compliance.retention.rules.defaults import DEFAULT_SCHEDULE
from compliance.retention.rules.documents import parse_schedule, to_document
from compliance.retention.rules.schedules import (
    Action,
    ArtifactFacts,
    ClockStart,
    Guard,
    Match,
    Rule,
    RuleError,
    Schedule,
)

__all__ = [
    "DEFAULT_SCHEDULE",
    "Action",
    "ArtifactFacts",
    "Assignment",
    "ClockStart",
    "Guard",
    "Match",
    "Rule",
    "RuleError",
    "Schedule",
    "assign",
    "case_closed_on",
    "parse_schedule",
    "to_document",
]

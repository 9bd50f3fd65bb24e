"""Legal clocks as pure functions over civil dates. This is the door; statutes are data in `regimes` and `us_states`."""

from compliance.law.calendars import parse_date, received_on
from compliance.law.clocks import deadlines
from compliance.law.regimes import REGIMES, rights_of
from compliance.law.terms import Deadlines, Event, EventKind, LawError, Matter, Refused, Right

__all__ = [
    "REGIMES",
    "Deadlines",
    "Event",
    "EventKind",
    "LawError",
    "Matter",
    "Refused",
    "Right",
    "deadlines",
    "parse_date",
    "received_on",
    "rights_of",
]

"""The closed catalogue of events that are told outside, with the fields of each. Pure.

Adding an event or an optional field is a change of the API; taking one away, or giving it another meaning, is not done.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from compliance.outlet.schemas import BadEvent, EventType, Field, Kind

_PATTERN = re.compile(r"\*|[a-z_]+(?:\.[a-z_]+)*(?:\.\*)?", re.ASCII)

_FINDING = (
    Field("finding_id", Kind.ID, "the finding"),
    Field("audit_id", Kind.ID, "the audit that found it"),
    Field("reason", Kind.CODE, "one of the closed list of reasons"),
)
_JUDGED = (
    Field("prompt_id", Kind.ID, "the prompt version that was judged", is_optional=True),
    Field("call_id", Kind.ID, "the call that was judged", is_optional=True),
)
_VERDICT = Field("verdict", Kind.CODE, "pass, review or fail")

_TYPES: Final = (
    EventType(
        "disclosure.finding.opened",
        "An audit found something that needs a person.",
        (*_FINDING, _VERDICT, *_JUDGED),
    ),
    EventType(
        "disclosure.finding.resolved",
        "What became of a finding is said.",
        (*_FINDING, Field("resolution", Kind.CODE, "fixed, accepted, false_alarm, superseded, …")),
    ),
    EventType(
        "disclosure.finding.assigned",
        "A finding was given to somebody, or taken back.",
        (*_FINDING, Field("is_assigned", Kind.FLAG, "false where it was taken back")),
    ),
    EventType(
        "disclosure.finding.waived",
        "Two people agreed to live with a finding until a day.",
        (*_FINDING, Field("expires_on", Kind.DATE, "the last day of the waiver")),
    ),
    EventType(
        "disclosure.audit.failed",
        "A prompt or a call was judged, and the verdict is fail.",
        (
            Field("audit_id", Kind.ID, "the audit"),
            _VERDICT,
            Field("reasons", Kind.CODES, "every reason, the first one first"),
            *_JUDGED,
        ),
    ),
    EventType(
        "request.state.changed",
        "A data subject's request came in, moved on or ended.",
        (
            Field("request_id", Kind.ID, "the request"),
            Field("previous", Kind.CODE, "the state before; null for a new request", is_optional=True),
            Field("state", Kind.CODE, "in the words of the Data Rights Protocol"),
            Field("reason", Kind.CODE, "why it is in this state", is_optional=True),
        ),
    ),
    EventType(
        "request.due.soon",
        "An open request is due within 7, 3 or 1 days, today, or is late; each is told once.",
        (
            Field("request_id", Kind.ID, "the request"),
            Field("state", Kind.CODE, "its state now"),
            Field("respond_by", Kind.DATE, "the earliest day of its rights"),
            Field("days_left", Kind.COUNT, "below zero where it is late"),
        ),
    ),
    EventType(
        "erasure.certificate.issued",
        "A certificate of an erasure was signed.",
        (
            Field("request_id", Kind.ID, "the request"),
            Field("certificate_id", Kind.ID, "the certificate"),
            Field("number", Kind.COUNT, "1, 2, …: a later one supersedes the earlier"),
            Field("is_final", Kind.FLAG, "no deletion debt is left"),
            Field("sha256", Kind.DIGEST, "of the signed document"),
        ),
    ),
    EventType(
        "retention.run.stopped",
        "A day's retention run would delete more than usual and waits for a person.",
        (
            Field("run_id", Kind.ID, "the run"),
            Field("on", Kind.DATE, "the day of the run"),
            Field("due", Kind.COUNT, "artifacts that are due"),
            Field("guard", Kind.COUNT, "how many it may delete without asking"),
        ),
    ),
    EventType(
        "deletion_debt.overdue",
        "A place owes the proof that it deleted for a day, a week, or past the day of its task.",
        (
            Field("location_id", Kind.ID, "the place"),
            Field("artifact_id", Kind.ID, "what lies there"),
            Field("after", Kind.CODE, "day, week or task_overdue"),
            Field("code", Kind.CODE, "what the last attempt ended with", is_optional=True),
        ),
    ),
    EventType(
        "connection.unhealthy",
        "What needs attention at a connection changed, and something does.",
        (
            Field("connection_id", Kind.ID, "the connection"),
            Field("platform", Kind.CODE, "its platform"),
            Field("reasons", Kind.CODES, "all that needs attention now"),
        ),
    ),
    EventType(
        "reconciliation.finding.opened",
        "Store and register do not agree about something.",
        (
            Field("finding_id", Kind.ID, "the finding"),
            Field("kind", Kind.CODE, "orphan, missing, undead, …"),
            Field("artifact_id", Kind.ID, "the artifact, where one is concerned", is_optional=True),
        ),
    ),
)  # fmt: skip
TEST: Final = EventType(
    "webhook.test",
    "Somebody tries an endpoint. It is sent on request only and is not subscribed to.",
    (Field("endpoint_id", Kind.ID, "the endpoint that is tried"),),
)
EVENT_TYPES: Final[Mapping[str, EventType]] = {one.name: one for one in _TYPES}


def chosen(patterns: Iterable[str]) -> frozenset[str]:
    """The names that these patterns choose: a name, the beginning of names and `.*`, or `*` for all."""
    return frozenset(name for name in EVENT_TYPES if any(_chooses(pattern, name) for pattern in patterns))


def is_pattern(text: str) -> bool:
    """Whether a pattern can be read and chooses at least one event."""
    return bool(_PATTERN.fullmatch(text)) and bool(chosen([text]))


def named(name: str) -> EventType:
    """The event of this name, the test included. Raises BadEvent."""
    found = TEST if name == TEST.name else EVENT_TYPES.get(name)
    if found is None:
        raise BadEvent(f"no event is called {name[:64]}")
    return found


def _chooses(pattern: str, name: str) -> bool:
    return pattern in ("*", name) or (pattern.endswith(".*") and name.startswith(pattern[:-1]))

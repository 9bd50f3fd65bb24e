"""States and reasons of a request in the words of the Data Rights Protocol 1.0, and the decisions on its artifacts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from compliance.law import Right


class State(StrEnum):
    OPEN = "open"
    IN_PROGRESS = "in_progress"
    FULFILLED = "fulfilled"
    DENIED = "denied"
    REVOKED = "revoked"  # the person withdrew it
    EXPIRED = "expired"


class Reason(StrEnum):
    """Why a request is where it is; only some states have reasons."""

    NEED_USER_VERIFICATION = "need_user_verification"
    SUSPECTED_FRAUD = "suspected_fraud"
    INSUF_VERIFICATION = "insuf_verification"
    NO_MATCH = "no_match"
    CLAIM_NOT_COVERED = "claim_not_covered"
    OUTSIDE_JURISDICTION = "outside_jurisdiction"
    TOO_MANY_REQUESTS = "too_many_requests"
    OTHER = "other"


# in_progress → in_progress is a move of its own: another reason, or a later `expected_by`.
_MOVES: Mapping[State, frozenset[State]] = {
    State.OPEN: frozenset({State.IN_PROGRESS, State.DENIED, State.REVOKED, State.EXPIRED}),
    State.IN_PROGRESS: frozenset({State.IN_PROGRESS, State.FULFILLED, State.DENIED, State.REVOKED, State.EXPIRED}),
    State.FULFILLED: frozenset(),
    State.DENIED: frozenset(),
    State.REVOKED: frozenset(),
    State.EXPIRED: frozenset(),
}
_VERIFYING = frozenset({Reason.NEED_USER_VERIFICATION})
_REASONS: Mapping[State, frozenset[Reason | None]] = {
    State.OPEN: frozenset({None}),
    State.IN_PROGRESS: frozenset({None, *_VERIFYING}),
    State.FULFILLED: frozenset({None}),
    State.DENIED: frozenset(Reason) - _VERIFYING,
    State.REVOKED: frozenset({None}),
    State.EXPIRED: frozenset({None}),
}


def next_states(state: State) -> frozenset[State]:
    """Where a state may go; empty for a final one."""
    return _MOVES[state]


def may_move(state: State, to: State) -> bool:
    return to in _MOVES[state]


def is_final(state: State) -> bool:
    return not _MOVES[state]


def reason_fits(state: State, reason: Reason | None) -> bool:
    """Whether the protocol lets the state carry the reason; a denial always needs one."""
    return reason in _REASONS[state]


class Decision(StrEnum):
    """What is done with one artifact for one right."""

    FULFIL = "fulfil"
    REDACT = "redact"  # fulfilled with other people's or forbidden data taken out
    KEEP = "keep"  # not fulfilled


class Ground(StrEnum):
    """The coded reason of `redact` and `keep`."""

    EXPRESSION = "gdpr_17_3_a"
    LEGAL_OBLIGATION = "gdpr_17_3_b"
    PUBLIC_HEALTH = "gdpr_17_3_c"
    ARCHIVE_RESEARCH = "gdpr_17_3_d"
    LEGAL_CLAIMS = "gdpr_17_3_e"
    LEGAL_HOLD = "legal_hold"
    OTHER_PRINCIPAL_REQUEST = "other_principal_request"
    OPEN_ACCESS_REQUEST = "open_access_request"
    OTHERS_RIGHTS = "others_rights"
    EXCESSIVE = "excessive"
    NOT_IDENTIFIED = "not_identified"
    FORBIDDEN_DETAIL = "forbidden_detail"
    STATUTORY_EXCEPTION = "statutory_exception"


@dataclass(frozen=True)
class GroundRule:
    """Where a ground comes from, which decisions and rights it can carry, and what it says to the person."""

    article: str
    decisions: frozenset[Decision]
    rights: frozenset[Right]
    text: str


_KEEP, _REDACT = frozenset({Decision.KEEP}), frozenset({Decision.REDACT})
_ERASURE = frozenset({Right.ERASURE})
_COPIES = frozenset({Right.ACCESS, Right.PORTABILITY})

GROUNDS: Mapping[Ground, GroundRule] = {
    Ground.EXPRESSION: GroundRule(
        "GDPR Art. 17(3)(a)", _KEEP, _ERASURE, "needed for freedom of expression and information"
    ),
    Ground.LEGAL_OBLIGATION: GroundRule(
        "GDPR Art. 17(3)(b)", _KEEP, _ERASURE, "a law or a public task requires us to keep it"
    ),
    Ground.PUBLIC_HEALTH: GroundRule("GDPR Art. 17(3)(c)", _KEEP, _ERASURE, "needed in the interest of public health"),
    Ground.ARCHIVE_RESEARCH: GroundRule(
        "GDPR Art. 17(3)(d)", _KEEP, _ERASURE, "needed for archiving, research or statistics"
    ),
    Ground.LEGAL_CLAIMS: GroundRule(
        "GDPR Art. 17(3)(e)", _KEEP, _ERASURE, "needed to establish, exercise or defend legal claims"
    ),
    Ground.LEGAL_HOLD: GroundRule(
        "GDPR Art. 17(3)(b) or (e), or Civ. Code § 1798.105(d)(8)",
        _KEEP,
        _ERASURE,
        "a legal hold covers it; the erasure waits and continues when the hold ends",
    ),
    Ground.OTHER_PRINCIPAL_REQUEST: GroundRule(
        "GDPR Art. 15(3), 17(3)(b)",
        _KEEP,
        _ERASURE,
        "another person in the call has asked for it and has not been answered yet",
    ),
    Ground.OPEN_ACCESS_REQUEST: GroundRule(
        "PIPEDA s. 8(8), GDPR Art. 15(3)",
        _KEEP,
        _ERASURE,
        "an access request of the same person is open, or can still be taken further",
    ),
    Ground.OTHERS_RIGHTS: GroundRule(
        "GDPR Art. 15(4), 20(4)", _KEEP | _REDACT, _COPIES, "it would disclose data of other people"
    ),
    Ground.EXCESSIVE: GroundRule(
        "GDPR Art. 12(5)(b)", _KEEP, frozenset(Right), "the request is manifestly unfounded or excessive"
    ),
    Ground.NOT_IDENTIFIED: GroundRule(
        "GDPR Art. 11(2), 12(2)", _KEEP, frozenset(Right), "we cannot tell that it is about the person"
    ),
    Ground.FORBIDDEN_DETAIL: GroundRule(
        "11 CCR 7024(d)", _REDACT, _COPIES, "held, but may not be disclosed (voiceprint, account or identity number)"
    ),
    Ground.STATUTORY_EXCEPTION: GroundRule(
        "Civ. Code § 1798.105(d) or the exception of the state's act", _KEEP, _ERASURE, "the act lets us keep it"
    ),
}


def decision_fits(right: Right, decision: Decision, ground: Ground | None) -> bool:
    """Whether a decision may stand: fulfilling needs no ground, everything else one that carries it for this right."""
    if ground is None:
        return decision is Decision.FULFIL
    rule = GROUNDS[ground]
    return decision in rule.decisions and right in rule.rights


class Outcome(StrEnum):
    """What became of one right as a whole. The protocol has no partial state: that is `fulfilled` with particulars."""

    FULFILLED = "fulfilled"
    PARTLY_FULFILLED = "partly_fulfilled"
    DENIED = "denied"


def outcome(decisions: Iterable[Decision]) -> Outcome:
    """The outcome that follows from the decisions on the artifacts. Raises ValueError where there are none."""
    made = set(decisions)
    if not made:
        raise ValueError("no artifact was decided: that is the reason no_match, not an outcome")
    if made == {Decision.FULFIL}:
        return Outcome.FULFILLED
    if made == {Decision.KEEP}:
        return Outcome.DENIED
    return Outcome.PARTLY_FULFILLED

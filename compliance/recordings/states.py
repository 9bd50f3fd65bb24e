"""The states of an artifact and of the places where its bytes lie, and the only moves between them.

What can go wrong: a row that says "gone" over bytes that are there. So `deleted` is reached through `deleting` only,
`never_recorded` only from states that hold no bytes of ours, and every state that waits can become due, so that
retention also covers what failed, is quarantined or was never fetched.
"""

from collections.abc import Mapping
from enum import StrEnum


class ArtifactKind(StrEnum):
    """Anything that holds personal data of a call."""

    RECORDING = "recording"
    TRANSCRIPT = "transcript"
    REDACTED_COPY = "redacted_copy"
    SUMMARY = "summary"
    EXPORT_PACKAGE = "export_package"
    DELIVERY = "delivery"  # the raw body of a webhook
    VOICEMAIL = "voicemail"
    CACHED_DOWNLOAD = "cached_download"


class ArtifactState(StrEnum):
    ANNOUNCED = "announced"  # the platform spoke of it
    FETCHING = "fetching"
    RETRY_WAIT = "retry_wait"
    STORED = "stored"  # our own hash is known and the store answered a HEAD
    DUE = "due"  # to be disposed of, by a schedule or a request
    HELD = "held"  # due, but a legal hold covers it
    DELETING = "deleting"
    DELETE_FAILED = "delete_failed"  # deletion debt: retried and alarmed
    DELETED = "deleted"  # every location proven absent; id, hashes, times, reason and proof stay
    UNAVAILABLE = "unavailable"  # absent, link dead, or expired at the platform
    QUARANTINED = "quarantined"  # wrong type, size or hash, or a virus
    MISSING = "missing"  # reconciliation did not find the bytes
    NEVER_RECORDED = "never_recorded"  # consent refused, or zero retention


EXPIRING = (
    ArtifactState.ANNOUNCED.value,
    ArtifactState.FETCHING.value,
    ArtifactState.RETRY_WAIT.value,
    ArtifactState.STORED.value,
    ArtifactState.DUE.value,
    ArtifactState.UNAVAILABLE.value,
    ArtifactState.QUARANTINED.value,
    ArtifactState.MISSING.value,
)
"""States from which a schedule takes an artifact away: all that are neither gone, going, nor kept by a hold."""


UNSECURED = (
    ArtifactState.ANNOUNCED.value,
    ArtifactState.FETCHING.value,
    ArtifactState.RETRY_WAIT.value,
    ArtifactState.UNAVAILABLE.value,
    ArtifactState.QUARANTINED.value,
)
"""States of a recording that may lie at its platform and does not lie here."""


class LocationState(StrEnum):
    """Whether bytes lie in one place: our store, the platform's original, a backup set."""

    UNKNOWN = "unknown"
    PRESENT = "present"
    EXPECTED_GONE_ON = "expected_gone_on"  # the platform names the day on which it deletes
    ASKED = "asked"  # deletion was asked for and is not proven yet
    REFUSED = "refused"
    CONFIRMED_GONE = "confirmed_gone"


State = ArtifactState | LocationState

_A = ArtifactState
_ARTIFACT_MOVES: Mapping[State, frozenset[State]] = {
    _A.ANNOUNCED: frozenset(
        {_A.FETCHING, _A.UNAVAILABLE, _A.DUE, _A.NEVER_RECORDED}
    ),  # unavailable: the platform says that it has none
    _A.FETCHING: frozenset({_A.STORED, _A.RETRY_WAIT, _A.UNAVAILABLE, _A.QUARANTINED, _A.DUE, _A.NEVER_RECORDED}),
    _A.RETRY_WAIT: frozenset({_A.FETCHING, _A.UNAVAILABLE, _A.DUE, _A.NEVER_RECORDED}),
    _A.STORED: frozenset({_A.DUE, _A.MISSING}),
    _A.DUE: frozenset({_A.HELD, _A.DELETING}),
    _A.HELD: frozenset({_A.DUE}),
    _A.DELETING: frozenset({_A.DELETED, _A.DELETE_FAILED}),
    _A.DELETE_FAILED: frozenset({_A.DELETING}),
    _A.DELETED: frozenset(),
    _A.UNAVAILABLE: frozenset(
        {_A.FETCHING, _A.DUE, _A.NEVER_RECORDED}
    ),  # fetching: with a new address, or a host allowed since
    _A.QUARANTINED: frozenset({_A.DUE}),
    _A.MISSING: frozenset({_A.STORED, _A.DUE}),
    _A.NEVER_RECORDED: frozenset(),
}

_L = LocationState
_LOCATION_MOVES: Mapping[State, frozenset[State]] = {
    _L.UNKNOWN: frozenset({_L.PRESENT, _L.EXPECTED_GONE_ON, _L.ASKED, _L.CONFIRMED_GONE}),
    _L.PRESENT: frozenset({_L.EXPECTED_GONE_ON, _L.ASKED, _L.CONFIRMED_GONE, _L.UNKNOWN}),
    _L.EXPECTED_GONE_ON: frozenset({_L.PRESENT, _L.ASKED, _L.CONFIRMED_GONE, _L.UNKNOWN}),
    _L.ASKED: frozenset({_L.PRESENT, _L.CONFIRMED_GONE, _L.REFUSED, _L.EXPECTED_GONE_ON, _L.UNKNOWN}),
    _L.REFUSED: frozenset({_L.ASKED, _L.EXPECTED_GONE_ON, _L.CONFIRMED_GONE}),
    # A platform's link that answers again after it confirmed: reconciliation must be able to say so.
    _L.CONFIRMED_GONE: frozenset({_L.PRESENT}),
}

_MOVES: Mapping[State, frozenset[State]] = {**_ARTIFACT_MOVES, **_LOCATION_MOVES}


def next_states(state: State) -> frozenset[State]:
    """Where a state may go; empty for a final one."""
    return _MOVES[state]


def may_move(state: State, to: State) -> bool:
    """Whether the move is in the table. Raises TypeError for an artifact's state beside a location's."""
    if type(state) is not type(to):
        raise TypeError(f"{state!r} and {to!r} belong to different machines")
    return to in _MOVES[state]


def is_final(state: State) -> bool:
    return not _MOVES[state]

"""The kinds of findings, what may repair each, and when there are too many of one to believe the comparison. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Kind(StrEnum):
    """A discrepancy between the register and a place."""

    ORPHAN = "orphan"  # an object that no row knows
    MISSING = "missing"  # a row without its object
    FOUND_AGAIN = "found_again"  # marked missing, and there
    SIZE = "size"
    HASH = "hash"
    WRONG_KEY = "wrong_key"  # another object's header; or row and place name different keys
    STORAGE_CLASS = "storage_class"  # cannot be read at once
    EXTRA_VERSION = "extra_version"  # an older version under a live object
    DELETE_MARKER = "delete_marker"
    UNDEAD = "undead"  # the row says deleted, the object is there
    VENDOR_UNDEAD = "vendor_undead"  # the platform confirmed the deletion and still has it
    OVERDUE = "overdue"  # due more than two days ago, neither held nor on its way out
    HELD_BUT_GONE = "held_but_gone"
    COUNT_GAP = "count_gap"  # a batch announced more calls than arrived
    BACKUP_OVERDUE = "backup_overdue"  # a backup past its own term
    UNFINISHED = "unfinished"  # staged bytes that never became an object
    TOMBSTONE = "tombstone"  # the copy of a tombstone is not there, or has no row


class Repair(StrEnum):
    """What two people can have done about a finding."""

    DELETE_OBJECT = "delete_object"  # every version under the key
    DELETE_EXTRA_VERSIONS = "delete_extra_versions"  # all but the latest, once that is proven to be the right one
    DELETE_MARKERS = "delete_markers"
    END_UNFINISHED = "end_unfinished"
    MARK_MISSING = "mark_missing"
    MARK_FOUND = "mark_found"  # after the hash was checked


class Dismissal(StrEnum):
    """Why somebody leaves a finding as it is."""

    KNOWN = "known"
    EXPLAINED = "explained"
    HANDLED_ELSEWHERE = "handled_elsewhere"
    NOT_OURS = "not_ours"


REPAIRS: Mapping[Kind, Repair] = {
    Kind.ORPHAN: Repair.DELETE_OBJECT,
    Kind.UNDEAD: Repair.DELETE_OBJECT,
    Kind.EXTRA_VERSION: Repair.DELETE_EXTRA_VERSIONS,
    Kind.DELETE_MARKER: Repair.DELETE_MARKERS,
    Kind.UNFINISHED: Repair.END_UNFINISHED,
    Kind.MISSING: Repair.MARK_MISSING,
    Kind.SIZE: Repair.MARK_MISSING,
    Kind.HASH: Repair.MARK_MISSING,
    Kind.WRONG_KEY: Repair.MARK_MISSING,
    Kind.FOUND_AGAIN: Repair.MARK_FOUND,
}

GUARDED = frozenset(
    {
        Kind.ORPHAN, Kind.UNDEAD, Kind.MISSING, Kind.HELD_BUT_GONE, Kind.EXTRA_VERSION, Kind.DELETE_MARKER,
        Kind.UNFINISHED, Kind.SIZE,
    }
)  # fmt: skip
"""Kinds whose repair destroys or gives up something: many of one kind say that the comparison is wrong, not the world
(another bucket, another prefix, a restored database).
"""

ALARMING = frozenset({Kind.HASH, Kind.WRONG_KEY, Kind.HELD_BUT_GONE, Kind.UNDEAD, Kind.VENDOR_UNDEAD, Kind.TOMBSTONE})
"""Kinds of which one is an incident."""

PUSHED = frozenset({Kind.COUNT_GAP, Kind.VENDOR_UNDEAD})
"""Kinds that others tell us: no run of ours can say that they are over."""

_MOST = 100
_FEW = 10


def most_believed(objects: int) -> int:
    """How many findings of one guarded kind a run of so many objects may have before it stops: 1 %, at most 100, and
    never fewer than 10, or a small store could have no finding at all.
    """
    return max(_FEW, min(_MOST, objects // 100))

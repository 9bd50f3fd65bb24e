"""Writing the audit log.

What can go wrong: an act without an entry, an entry without an act, and a log that slows its writers or keeps what it
must forget. So an entry is one row, inserted into the inbox by the transaction of the act itself: both stand or
neither does, and where the log cannot be written the act fails. Nothing is hashed, chained or locked here; the
sequencer does that a moment later.

The clear half of the row holds ids, codes, counts and digests, and the leaf's grammar is asked before the row is
written. Everything that identifies (who, from where, the old and new values, free text) goes into one sealed blob and
becomes destroyable disclosures.
"""

import enum
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from audit import clear, inbox, lanes, sealing, wire
from audit.ids import uuid7
from audit.tlog import leaf, text
from audit.tlog.text import JSON

MAX_IDENTIFYING = 64 * 1024
"""The greatest sealed part of one entry, in bytes of JSON."""

RESERVED_NAMES = frozenset({"_sd", "..."})
_USER_AGENT = 400
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_HEX = frozenset("0123456789abcdef")


class EntryClass(enum.StrEnum):
    """What kind of act an entry records (the leaf's `cls`)."""

    ACCESS = "access"
    CHANGE = "change"
    DELETE = "delete"
    DECISION = "decision"
    AUTH = "auth"
    CONFIG = "config"
    SYSTEM = "system"


class Origin(Protocol):
    """Where an act came from; empty text where unknown."""

    @property
    def ip(self) -> str: ...
    @property
    def user_agent(self) -> str: ...
    @property
    def request_id(self) -> str: ...


class Actor(Protocol):
    """Who acts, as far as the log must know: `reference` is a kind and an id, never a name."""

    @property
    def reference(self) -> str: ...
    @property
    def origin(self) -> Origin: ...


class NotInTransaction(Exception):
    """An entry outside a transaction could stand without its act, or the act without the entry."""


@dataclass(slots=True)
class EntryContext:
    """One operation: the id of its entry, fixed before anything happens, and the operation around it."""

    organisation_id: UUID
    entry_id: UUID
    outer: "EntryContext | None" = None
    is_used: bool = False


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure of disclosures took away: how many, and SHA-256 (hex) over their digests in order of entry and
    place.
    """

    count: int
    digest: str


_context: ContextVar[EntryContext | None] = ContextVar("audit_context", default=None)


@contextmanager
def context(organisation_id: UUID, *, announced: bool = False) -> Iterator[UUID]:
    """What an operation runs in, inside its transaction; gives the id that its first entry will have.

    Later entries, and the rows of database triggers, name that id as their cause. `announced` says that the caller
    has put the id into `app.entry` for the triggers itself.
    """
    connection = _connection()
    outer = _context.get()
    mine = EntryContext(organisation_id, uuid7(), outer)
    token = _context.set(mine)
    try:
        if not announced:
            _announce(connection, mine.entry_id)
        yield mine.entry_id
    finally:
        _context.reset(token)
        if outer is not None and not announced and not connection.needs_rollback:
            _announce(connection, outer.entry_id)


def append(
    *,
    actor: Actor,
    event: str,
    organisation_id: UUID,
    obj: tuple[str, UUID | None],
    cls: EntryClass,
    outcome: str = "ok",
    why: Mapping[str, str | None] | None = None,
    what: Mapping[str, leaf.Clear] | None = None,
    identifying: Mapping[str, JSON] | None = None,
    subject_id: UUID | None = None,
) -> UUID:
    """Write one entry in the current transaction; its id.

    `event`, `outcome`, `why` and `what` are readable for ever, and take codes, ids, counts, digests and dates only
    (`FormatError` otherwise). What `identifying` holds is disclosed to those who may see it, and erased with the
    subject's key if `subject_id` is given. Raises `NotInTransaction`, `sealing.NoSealer`,
    `sealing.SealerUnavailable`; then the act must fail too.
    """
    connection = _connection()
    entry_id, cause = _next_id(organisation_id)
    fields = clear.compose(
        act=event,
        cls=cls,
        out=outcome,
        object_type=obj[0],
        object_id=obj[1],
        lane=lanes.take(connection, organisation_id),
        cause=cause,
        request=_request(actor.origin.request_id),
        what=what or {},
        why=why or {},
    )
    sealed = sealing.current().seal_inbox(entry_id=entry_id, plaintext=_blob(actor, identifying, subject_id))
    row = (entry_id.bytes, organisation_id.bytes, fields.encode(), sealed.key_id.bytes, sealed.data)
    wire.run(connection, inbox.INSERT, row)
    return entry_id


def erase_disclosures(*, organisation_id: UUID, subject_id: UUID, cause: UUID) -> Erased:
    """Delete what the log can disclose about a data subject; `cause` is the entry of the erasure.

    A trigger writes down each digest that went. The leaves stay, and every proof still verifies.
    """
    with _connection().cursor() as cursor:
        cursor.execute("SELECT set_config('app.erasure_cause', %s, true)", [str(cause)])
        cursor.execute(
            "WITH gone AS (DELETE FROM audit_disclosure WHERE organisation_id = %s AND subject_id = %s"
            " RETURNING entry_id, part, digests) SELECT digests FROM gone ORDER BY entry_id, part",
            [organisation_id, subject_id],
        )
        digests = b"".join(bytes(row[0]) for row in cursor.fetchall())
        cursor.execute("SELECT set_config('app.erasure_cause', '', true)")
    return Erased(len(digests) // 32, sha256(digests).hexdigest())


def _connection() -> BaseDatabaseWrapper:
    connection: BaseDatabaseWrapper = transaction.get_connection(DEFAULT_DB_ALIAS)
    if not connection.in_atomic_block:
        raise NotInTransaction("the audit log is written inside the transaction of the act it records")
    return connection


def _announce(connection: BaseDatabaseWrapper, entry_id: UUID) -> None:
    wire.send(connection, inbox.ANNOUNCE, (str(entry_id).encode(),))


def _next_id(organisation_id: UUID) -> tuple[UUID, UUID | None]:
    """The id of the next entry and its cause: the operation's own id first, then fresh ones which point to it."""
    now = _context.get()
    if now is None:
        return uuid7(), None
    if now.is_used or now.organisation_id != organisation_id:
        return uuid7(), now.entry_id
    now.is_used = True
    return now.entry_id, now.outer.entry_id if now.outer else None


def _request(request_id: str) -> str | None:
    plain = request_id.replace("-", "").lower()
    # A request id may come from outside; what is not a plain trace id stays out of the leaf.
    return plain if 16 <= len(plain) <= 64 and _HEX.issuperset(plain) else None


def _blob(actor: Actor, identifying: Mapping[str, JSON] | None, subject_id: UUID | None) -> bytes:
    """What identifies, as the sequencer finds it after opening: the actor's part, everybody else's, the subject."""
    if identifying:
        # What cannot become a disclosure is refused here, where a person sees it, and not by the sequencer.
        text.check_json(identifying)
        if not RESERVED_NAMES.isdisjoint(identifying):
            raise ValueError("RFC 9901 keeps the names _sd and ... for itself")
    who = {"actor": actor.reference}
    if actor.origin.ip:
        who["ip"] = actor.origin.ip
    if actor.origin.user_agent:
        who["user_agent"] = actor.origin.user_agent[:_USER_AGENT]
    blob = {"who": who, "details": identifying or {}, "subject": str(subject_id) if subject_id else None}
    data = _ENCODER.encode(blob).encode("utf-8", "replace")
    if len(data) > MAX_IDENTIFYING:
        raise ValueError(f"more than {MAX_IDENTIFYING} identifying bytes in one entry")
    return data

"""Reading the inbox into the trees, each committed row once and none skipped.

What can go wrong: rows get their place in the inbox before they are committed, so a reader that goes by number alone
overtakes a row which is still in flight and never sees it; and a reader that waits for every older transaction is
stopped by any idle one. So there is a cursor and a window. In one snapshot we read what is newer than the cursor, and
the stragglers at or below it: rows of transactions not below `low_xid` that have no leaf yet. `low_xid` is the oldest
transaction still running when the window was last read to its end.

Leaves, disclosures, tiles, frontiers and cursor are one commit: after a crash it has happened or it has not.
`audit_state` is locked for it, so a second sequencer can do no harm; the advisory lock of the service only keeps it
from trying.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg
from django.db import IntegrityError, connections

from audit import leaves, sealing
from audit.tree import Cursor, Forest

ALIAS = "sequencer"
BATCH = 2048
KEEP = timedelta(hours=48)
"""How long a sequenced row stays in the inbox."""

logger = logging.getLogger(__name__)

_COLUMNS = "xid, seq, id, at, organisation_id, clear, key_id, sealed"
_NO_LEAF = "NOT EXISTS (SELECT FROM audit_leaf WHERE entry_id = audit_inbox.id)"
_STATE = """
    SELECT cursor_xid, cursor_seq, low_xid, system_identifier, timeline,
           pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
           (SELECT system_identifier FROM pg_control_system()), (SELECT timeline_id FROM pg_control_checkpoint())
    FROM audit_state FOR UPDATE
"""
# ruff: noqa: S608 (these statements are made of the constants above)
_WAITING = f"""
    SELECT state.system_identifier IS NULL
        OR EXISTS (SELECT FROM audit_inbox WHERE (xid, seq) > (state.cursor_xid, state.cursor_seq))
        OR EXISTS (SELECT FROM audit_inbox WHERE xid >= state.low_xid
                   AND (xid, seq) <= (state.cursor_xid, state.cursor_seq) AND {_NO_LEAF})
    FROM audit_state AS state
"""
_LATE = (
    f"SELECT {_COLUMNS} FROM audit_inbox WHERE xid >= %s AND (xid, seq) <= (%s, %s) AND {_NO_LEAF}"
    " ORDER BY xid, seq LIMIT %s"
)
_NEW = f"SELECT {_COLUMNS} FROM audit_inbox WHERE (xid, seq) > (%s, %s) ORDER BY xid, seq LIMIT %s"
_ANY = f"SELECT {_COLUMNS} FROM audit_inbox WHERE {_NO_LEAF} ORDER BY xid, seq LIMIT %s"


class _State(NamedTuple):
    cursor_xid: int
    cursor_seq: int
    low_xid: int
    system_identifier: int | None
    timeline: int | None
    oldest_running: int
    here_system: int
    here_timeline: int

    @property
    def is_foreign(self) -> bool:
        """Was this state written by another cluster or timeline, whose transaction numbers mean nothing here?"""
        return (self.system_identifier, self.timeline) != (self.here_system, self.here_timeline)


class Sequencer:
    """One reader of the inbox, over the `sequencer` connection."""

    def __init__(self, alias: str = ALIAS) -> None:
        self._alias = alias
        self._forest = Forest()

    def is_waiting(self) -> bool:
        """Is there anything to sequence? Reads only, so that an idle log writes nothing and spends no transaction
        number.
        """
        with connections[self._alias].cursor() as cursor:
            cursor.execute(_WAITING)
            return bool(cursor.fetchone()[0])

    def beat(self) -> None:
        """Write down that everything visible is sequenced, for those who watch the log's freshness."""
        with connections[self._alias].cursor() as cursor:
            cursor.execute("UPDATE audit_state SET beat_at = clock_timestamp()")

    def run_batch(self, limit: int = BATCH) -> int:
        """Sequence at most `limit` rows in one transaction; how many. 0 means that nothing is left.

        Raises `sealing.SealerUnavailable` and Django's database errors; then nothing has happened.
        """
        try:
            return self._run(limit, is_doubtful=False)
        except IntegrityError:
            # Somebody wrote a row under the id of an entry that is long in the tree. It must not stop the others.
            return self._run(limit, is_doubtful=True)

    def _run(self, limit: int, *, is_doubtful: bool) -> int:
        sealer = sealing.current()
        with self._transaction() as cursor:
            state = _read_state(cursor)
            if state.is_foreign:
                return self._move_in(cursor, state, sealer, limit)
            late = _fetch(cursor, _LATE, (state.low_xid, state.cursor_xid, state.cursor_seq, limit))
            room = limit - len(late)
            new = _fetch(cursor, _NEW, (state.cursor_xid, state.cursor_seq, room)) if room else []
            self._sequence(cursor, late + (_without_doubles(cursor, new) if is_doubtful else new), sealer)
            low = state.oldest_running if room else state.low_xid
            if new or low != state.low_xid:
                xid, seq = new[-1][:2] if new else (state.cursor_xid, state.cursor_seq)
                cursor.execute("UPDATE audit_state SET cursor_xid = %s, cursor_seq = %s, low_xid = %s", (xid, seq, low))
            return len(late) + len(new)

    def prune(self, keep: timedelta = KEEP, limit: int = 10_000) -> int:
        """Delete inbox rows that are older than `keep` and have a leaf (a trigger proves it); how many, at most
        `limit`.
        """
        with self._transaction() as cursor:
            _read_state(cursor)
            return _prune(cursor, datetime.now(UTC) - keep, limit)

    def is_done_before(self, moment: datetime) -> bool:
        """Has every visible row of before `moment` a leaf? Then the inbox keys of that time have done their work."""
        with self._transaction() as cursor:
            cursor.execute(f"SELECT EXISTS (SELECT FROM audit_inbox WHERE at < %s AND {_NO_LEAF})", (moment,))
            return cursor.fetchone() == (False,)

    def _sequence(self, cursor: Cursor, rows: list[tuple[Any, ...]], sealer: sealing.Sealer) -> None:
        if not rows:
            return
        fresh = leaves.salts()
        batch = [leaves.build(leaves.Row._make(row[2:]), sealer, fresh) for row in rows]
        self._forest.grow(cursor, batch)
        unattended = sum(map(leaves.is_unattended, batch))
        if unattended:
            logger.warning("rows changed outside every operation: %d", unattended)

    def _move_in(self, cursor: Cursor, state: _State, sealer: sealing.Sealer, limit: int) -> int:
        """After a restore, an upgrade, or on the first day: transaction numbers start anew, so go by the leaves
        alone.

        Only when no row is without a leaf are the old rows removed and the cursor set to the beginning of the new
        numbers.
        """
        rows = _fetch(cursor, _ANY, (limit,))
        self._sequence(cursor, rows, sealer)
        if len(rows) < limit:
            while _prune(cursor, None, 100_000):
                pass
            cursor.execute(
                "UPDATE audit_state SET cursor_xid = 0, cursor_seq = 0, low_xid = 0,"
                " system_identifier = %s, timeline = %s",
                (state.here_system, state.here_timeline),
            )
            logger.info("the log was moved to another cluster or timeline, or is new: sequencing starts from its inbox")
        return len(rows)

    @contextmanager
    def _transaction(self) -> Iterator[Cursor]:
        """One snapshot for all reads of a batch. A failed transaction makes us forget what we remembered of the
        trees.
        """
        connection = connections[self._alias]
        connection.ensure_connection()
        raw: psycopg.Connection[Any] = connection.connection
        try:
            with connection.wrap_database_errors, raw.transaction(), psycopg.Cursor(raw) as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                yield cursor
        except BaseException:
            self._forest.forget()
            raise


def _read_state(cursor: Cursor) -> _State:
    cursor.execute(_STATE)
    found = cursor.fetchone()
    if found is None:
        raise LookupError("the row of audit_state is missing")
    return _State(*found)


def _fetch(cursor: Cursor, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    cursor.execute(query, values, binary=True)
    return cursor.fetchall()


def _without_doubles(cursor: Cursor, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    cursor.execute("SELECT entry_id FROM audit_leaf WHERE entry_id = ANY(%s)", ([row[2] for row in rows],))
    known = {row[0] for row in cursor.fetchall()}
    logger.warning("inbox rows under ids that are already in the tree, passed over: %d", len(known))
    return [row for row in rows if row[2] not in known]


def _prune(cursor: Cursor, before: datetime | None, limit: int) -> int:
    cursor.execute(
        "DELETE FROM audit_inbox WHERE id IN (SELECT i.id FROM audit_inbox i JOIN audit_leaf l ON l.entry_id = i.id"
        " WHERE %s::timestamptz IS NULL OR i.at < %s ORDER BY i.xid, i.seq LIMIT %s)",
        (before, before, limit),
    )
    return cursor.rowcount

"""What the sequencer process does, round after round. One leader a deployment; the others wait for its lock.

It polls. A NOTIFY in every writing transaction would put their commits into one queue (measured: a fifth of the
throughput).
"""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import DEFAULT_DB_ALIAS, Error, connections

from audit import publish, sealing, signing
from audit.sequencer import ALIAS, BATCH, Sequencer
from audit.tree import ROOT_LOG_ID

POLL_SECONDS = 0.15
BEAT_SECONDS = 5.0
HOUSEKEEPING_SECONDS = 3600.0
COMPLAINT_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 30.0
LOCK = 0x63_77_6C_6F_67  # "cwlog": the advisory lock of the leader

_LEAD = """
    SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
                   AND (classid::bigint << 32 | objid::bigint) = %s)
        OR pg_try_advisory_lock(%s)
"""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far behind the log may be. None where the sequencer never ran, or nothing was ever published."""

    seconds_since_beat: float | None
    seconds_since_checkpoint: float | None


def freshness() -> Freshness:
    """What /readyz asks; as the app's role, in no organisation's scope (the root log's head is open to all)."""
    head = publish.latest_checkpoint(ROOT_LOG_ID)
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp() - beat_at) FROM audit_state")
        beat = cursor.fetchone()
    since_head = (datetime.now(UTC) - head.signed_at).total_seconds() if head else None
    return Freshness(None if beat is None or beat[0] is None else float(beat[0]), since_head)


class Service:
    """The loop. `should_stop` is asked between all steps, so that a signal ends it within one batch."""

    def __init__(self, should_stop: Callable[[], bool], sleep: Callable[[float], None] = time.sleep) -> None:
        self._should_stop = should_stop
        self._sleep = sleep
        self._sequencer = Sequencer()
        self._failures = 0
        self._last_beat = self._last_housekeeping = self._last_publication = self._last_complaint = float("-inf")

    def run(self) -> None:
        """Work until told to stop; through restarts of the database, of the key store, and other leaders' reigns."""
        while not self._should_stop():
            try:
                if self.lead():
                    self.round()
                    self._failures = 0
            except (Error, sealing.SealerUnavailable) as error:
                self._recover(error)
            self._sleep(POLL_SECONDS)

    def lead(self) -> bool:
        """Is this process the leader, or can it become it? The lock lives as long as the connection."""
        connection = connections[ALIAS]
        with connection.cursor() as cursor:
            cursor.execute(_LEAD, [LOCK, LOCK])
            return bool(cursor.fetchone()[0])

    def round(self) -> None:
        """Everything that is due now."""
        now = time.monotonic()
        has_worked = self._sequence()
        if has_worked or now - self._last_publication >= publish.INTERVAL.total_seconds():
            self._publish()
        if now - self._last_beat >= BEAT_SECONDS:
            self._sequencer.run_batch(BATCH)
            self._sequencer.beat()
            self._last_beat = now
        if now - self._last_housekeeping >= HOUSEKEEPING_SECONDS:
            self.keep_house()
            self._last_housekeeping = now

    def keep_house(self) -> None:
        """Next month's partition; sequenced rows that are two days old; inbox keys whose day is done with."""
        with connections[ALIAS].cursor() as cursor:
            cursor.execute("SELECT audit_make_partitions()")
        while self._sequencer.prune() and not self._should_stop():
            pass
        # A day's key goes when the next day is over and no row of the day is waiting: 48 hours after the day began.
        border = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
        if self._sequencer.is_done_before(border):
            gone = sealing.current().destroy_inbox_keys(before=border.date())
            if gone:
                logger.info("inbox keys destroyed: %d", gone)

    def _sequence(self) -> bool:
        has_worked = False
        while not self._should_stop() and self._sequencer.is_waiting() and self._sequencer.run_batch(BATCH):
            has_worked = True
            if time.monotonic() - self._last_publication >= publish.INTERVAL.total_seconds():
                self._publish()
        return has_worked

    def _publish(self) -> None:
        self._last_publication = time.monotonic()
        try:
            publish.publish_checkpoints(at_most_every=publish.INTERVAL)
        except signing.Equivocation as error:
            # Nothing is signed any more, and the head's age says so. Going on sequencing loses nothing.
            self._complain("the signer refuses: the database contradicts what was signed before", error)
        except signing.KeyFileRefused as error:
            self._complain("the log cannot be signed", error)

    def _complain(self, what: str, error: Exception) -> None:
        """Loudly, but once a minute."""
        if time.monotonic() - self._last_complaint >= COMPLAINT_SECONDS:
            self._last_complaint = time.monotonic()
            logger.error(what, exc_info=error)

    def _recover(self, error: BaseException) -> None:
        self._failures += 1
        pause = min(LONGEST_PAUSE_SECONDS, 0.25 * 2 ** min(self._failures, 10)) * random.uniform(0.5, 1.0)  # noqa: S311
        logger.warning("the sequencer waits %.1f s: %s", pause, type(error).__name__)
        connections[ALIAS].close()
        deadline = time.monotonic() + pause
        while time.monotonic() < deadline and not self._should_stop():
            self._sleep(min(POLL_SECONDS, pause))

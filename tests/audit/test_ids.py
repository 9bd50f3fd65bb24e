"""UUIDv7: in order, unique, of the right version, in threads and in forked children."""

import itertools
import os
import threading
import time
from uuid import RFC_4122, UUID

import pytest

from audit import ids


def test_ids_carry_version_variant_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_sequence", ids._Sequence())  # an earlier test may have lived in the future
    before = time.time_ns() // 1_000_000
    identifier = ids.uuid7()
    after = time.time_ns() // 1_000_000

    assert (identifier.version, identifier.variant) == (7, RFC_4122)
    assert before <= identifier.int >> 80 <= after + 1


def test_ids_are_strictly_increasing() -> None:
    made = [ids.uuid7() for _ in range(20_000)]

    assert all(first < second for first, second in itertools.pairwise(made))


def test_ids_increase_while_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = ids.uuid7()
    monkeypatch.setattr(time, "time_ns", lambda: 0)

    assert first < ids.uuid7() < ids.uuid7()


def test_a_full_counter_borrows_from_the_next_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_sequence", ids._Sequence())
    monkeypatch.setattr(time, "time_ns", lambda: 5_000_000)
    first = ids.uuid7()
    ids._sequence.counter = 2**42 - 1
    second = ids.uuid7()

    assert first < second
    assert second.int >> 80 == 6


def test_threads_never_share_an_id() -> None:
    made: list[UUID] = []
    threads = [threading.Thread(target=lambda: made.extend([ids.uuid7() for _ in range(2_000)])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == 16_000


def test_a_forked_child_starts_its_own_counter() -> None:
    ids.uuid7()
    parent = ids._sequence.counter
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - the child leaves no coverage behind
        os.write(writer, str(ids._sequence.counter).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        assert int(answer.read()) == 0 != parent

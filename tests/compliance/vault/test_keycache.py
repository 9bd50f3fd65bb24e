"""Opened keys leave on time, leave nothing behind, and are never shown."""

from __future__ import annotations

import threading
from uuid import UUID

from compliance.vault.hierarchy import KeyKind, KeyName
from compliance.vault.keycache import OTHER_SECONDS, ROOT_SECONDS, KeyCache, Material
from compliance.vault.values import ValueKey

ORGANISATION, OTHER = UUID(int=1), UUID(int=2)
CALL, ROOT = KeyName(KeyKind.CALL, UUID(int=3)), KeyName(KeyKind.ROOT, ORGANISATION)
VALUES = ValueKey(bytes(range(32, 64)), ORGANISATION, KeyKind.CALL, UUID(int=3))
MATERIAL = Material(UUID(int=4), bytes(range(32)), VALUES)


class Clock:
    """Seconds that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_key_is_found_again_only_by_its_organisation() -> None:
    cache = KeyCache()
    cache.put(ORGANISATION, CALL, MATERIAL)
    assert cache.get(ORGANISATION, CALL) == MATERIAL
    assert cache.get(OTHER, CALL) is None


def test_a_key_leaves_when_its_time_is_over() -> None:
    clock = Clock()
    cache = KeyCache(clock=clock)
    cache.put(ORGANISATION, CALL, MATERIAL)
    cache.put(ORGANISATION, ROOT, MATERIAL)
    clock.now = OTHER_SECONDS - 0.001
    assert cache.values(ORGANISATION, CALL) == (MATERIAL.id, VALUES)
    assert cache.get(ORGANISATION, CALL) is not None
    clock.now = OTHER_SECONDS
    assert cache.values(ORGANISATION, CALL) is None
    assert cache.get(ORGANISATION, CALL) is None
    assert cache.get(ORGANISATION, ROOT) is not None
    clock.now = ROOT_SECONDS
    assert cache.get(ORGANISATION, ROOT) is None
    assert len(cache) == 0


def test_use_does_not_lengthen_a_life() -> None:
    clock = Clock()
    cache = KeyCache(clock=clock)
    cache.put(ORGANISATION, CALL, MATERIAL)
    for second in range(int(OTHER_SECONDS)):
        clock.now = float(second)
        assert cache.get(ORGANISATION, CALL) is not None
    clock.now = OTHER_SECONDS
    assert cache.get(ORGANISATION, CALL) is None


def test_the_least_recently_used_leaves_first() -> None:
    cache = KeyCache(capacity=2)
    names = [KeyName(KeyKind.CALL, UUID(int=number)) for number in range(3)]
    cache.put(ORGANISATION, names[0], MATERIAL)
    cache.put(ORGANISATION, names[1], MATERIAL)
    cache.get(ORGANISATION, names[0])
    cache.put(ORGANISATION, names[2], MATERIAL)
    assert [cache.get(ORGANISATION, name) is not None for name in names] == [True, False, True]


def test_what_leaves_is_overwritten() -> None:
    cache = KeyCache()
    cache.put(ORGANISATION, CALL, MATERIAL)
    entry = cache._entries[(ORGANISATION, CALL)]
    cache.evict(ORGANISATION, CALL)
    assert bytes(entry.key) == bytes(32)
    assert cache.get(ORGANISATION, CALL) is None


def test_a_key_is_replaced_and_all_are_forgotten() -> None:
    cache = KeyCache()
    cache.put(ORGANISATION, CALL, MATERIAL)
    newer = Material(UUID(int=5), bytes(32), VALUES)
    cache.put(ORGANISATION, CALL, newer)
    assert cache.get(ORGANISATION, CALL) == newer
    cache.clear()
    assert len(cache) == 0


def test_nothing_shows_a_key() -> None:
    cache = KeyCache()
    cache.put(ORGANISATION, CALL, MATERIAL)
    shown = repr(cache) + repr(MATERIAL) + repr(cache._entries[(ORGANISATION, CALL)])
    assert "\\x01\\x02" not in shown
    assert MATERIAL.key.hex() not in shown


def test_threads_see_whole_keys() -> None:
    cache = KeyCache(capacity=4)
    torn: list[object] = []

    def work(number: int) -> None:
        material = Material(UUID(int=number), bytes([number]) * 32, VALUES)
        for turn in range(500):
            name = KeyName(KeyKind.CALL, UUID(int=turn % 8))
            cache.put(ORGANISATION, name, material)
            found = cache.get(ORGANISATION, name)
            if found is not None and len(set(found.key)) != 1:
                torn.append(found)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not torn
    assert len(cache) <= 4

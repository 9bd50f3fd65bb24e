"""The pure merge: any interleaving of two lists gives exactly the differences that two look-ups would find."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.reconciliation.rules.comparing import Guard, Row, Tally, compare, grouped
from compliance.reconciliation.rules.kinds import Kind, most_believed
from compliance.reconciliation.rules.portions import daily_bytes, may_be_read, must_be_read
from compliance.vault.items import Item

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OLD, NEW = NOW - timedelta(days=2), NOW - timedelta(hours=23)
GUARD = Guard(NOW, 24)
NOBODY = UUID(int=0)


def item(key: str, *, version: str = "1", is_latest: bool = True, is_marker: bool = False, size: int = 5,
         modified: datetime | None = OLD, storage_class: str = "STANDARD") -> Item:  # fmt: skip
    return Item(key, version, is_latest, is_marker, 0 if is_marker else size, "e", modified, storage_class)


def row(key: str, *, length: int = 5, created: datetime = OLD, deleted: datetime | None = None, state: str = "stored",
        is_held: bool = False) -> Row:  # fmt: skip
    return Row(key, NOBODY, length, created, deleted, NOBODY, state, is_held)


def differences(items: list[Item], rows: list[Row], guard: Guard = GUARD) -> list[tuple[str, str]]:
    return [(one.kind.value, one.thing) for one in compare(grouped(items), rows, guard, Tally())]


CASES = {
    "in order": ([item("a")], [row("a")], []),
    "orphan": ([item("a")], [], ["orphan"]),
    "missing": ([], [row("a")], ["missing"]),
    "held, and missing": ([], [row("a", is_held=True)], ["held_but_gone"]),
    "held, and there": ([item("a")], [row("a", is_held=True)], []),
    "shorter": ([item("a", size=4)], [row("a")], ["size"]),
    "cold": ([item("a", storage_class="GLACIER")], [row("a")], ["storage_class"]),
    "an older version": ([item("a"), item("a", version="0", is_latest=False)], [row("a")], ["extra_version"]),
    "hidden": (
        [item("a", is_marker=True, version="2"), item("a", is_latest=False)], [row("a")], ["delete_marker"],
    ),
    "only a marker, row alive": ([item("a", is_marker=True)], [row("a")], ["missing"]),
    "a marker beneath": ([item("a"), item("a", is_marker=True, is_latest=False)], [row("a")], ["delete_marker"]),
    "a marker that nobody knows": ([item("a", is_marker=True)], [], ["delete_marker"]),
    "undead": ([item("a")], [row("a", deleted=OLD, state="deleted")], ["undead"]),
    "undead, by its artifact": ([item("a")], [row("a", state="deleted")], ["undead"]),
    "undead under a marker": (
        [item("a", is_marker=True), item("a", is_latest=False)], [row("a", deleted=OLD)], ["undead"],
    ),
    "a marker stayed": ([item("a", is_marker=True)], [row("a", deleted=OLD)], ["delete_marker"]),
    "deleted and gone": ([], [row("a", deleted=OLD, state="deleted")], []),
    "on its way out, there": ([item("a")], [row("a", state="deleting")], []),
    "on its way out, gone": ([], [row("a", state="deleting")], []),
    "deletion failed": ([item("a")], [row("a", state="delete_failed")], []),
    "known to be missing": ([], [row("a", state="missing")], []),
    "known to be spoiled": ([item("a", size=3)], [row("a", state="missing")], []),
    "found again": ([item("a")], [row("a", state="missing")], ["found_again"]),
    "quarantined, missing": ([], [row("a", state="quarantined")], ["missing"]),
    "due, missing": ([], [row("a", state="due")], ["missing"]),
    "without an artifact, missing": ([], [row("a", state="")], ["missing"]),
    "a new object": ([item("a", modified=NEW)], [], []),
    "an object of unknown age": ([item("a", modified=None)], [], []),
    "an object from the future": ([item("a", modified=NOW + timedelta(hours=1))], [], []),
    "a new row": ([], [row("a", created=NEW)], []),
    "deleted just now": ([item("a")], [row("a", deleted=NEW)], []),
    "written over just now": ([item("a", size=4, modified=NEW)], [row("a")], []),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_one_key(name: str) -> None:
    items, rows, kinds = CASES[name]
    assert differences(items, rows) == [(kind, "a") for kind in kinds]


keys = st.text(st.sampled_from("ab-/0\u00e9\U0001f600"), min_size=1, max_size=4)
states = st.sampled_from(["", "stored", "due", "held", "deleting", "deleted", "missing", "quarantined"])


@st.composite
def sides(draw: st.DrawFn) -> tuple[dict[str, list[Item]], dict[str, Row]]:
    here: dict[str, list[Item]] = {}
    for key in draw(st.sets(keys, max_size=12)):
        found = [
            item(key, version=str(number), is_latest=number == 0, is_marker=draw(st.booleans()),
                 size=draw(st.integers(4, 6)), modified=draw(st.sampled_from([OLD, OLD, OLD, NEW, None])))
            for number in range(draw(st.integers(1, 3)))
        ]  # fmt: skip
        here[key] = found
    there = {
        key: row(key, created=draw(st.sampled_from([OLD, OLD, OLD, NEW])), state=draw(states),
                 is_held=draw(st.booleans()), deleted=draw(st.sampled_from([None, None, OLD, NEW])))
        for key in draw(st.sets(keys, max_size=12))
    }  # fmt: skip
    return here, there


def expected(here: list[Item], there: Row | None) -> list[str]:
    """What one key's finding is, said another way than the code says it."""
    young = any(one.modified is None or one.modified > NOW - timedelta(hours=24) for one in here)
    if young or (there and (there.created_at == NEW or there.deleted_at == NEW)):
        return []
    contents = [one for one in here if not one.is_delete_marker]
    markers = len(here) - len(contents)
    if there is None:
        return ["orphan" if contents else "delete_marker"]
    if there.deleted_at or there.state == "deleted":
        return (["undead"] if contents else ["delete_marker"]) if here else []
    if there.state == "deleting":
        return []
    readable = bool(here) and not here[0].is_delete_marker
    if not readable:
        lost = [] if there.state == "missing" else ["held_but_gone" if there.is_held else "missing"]
        return ["delete_marker"] if contents else lost
    fits = here[0].size == 5
    if there.state == "missing":
        return ["found_again"] if fits else []
    return [
        *([] if fits else ["size"]),
        *(["extra_version"] * (len(contents) > 1)),
        *(["delete_marker"] * (markers > 0)),
    ]


@given(sides())
def test_any_interleaving(both: tuple[dict[str, list[Item]], dict[str, Row]]) -> None:
    here, there = both
    in_order = sorted(here, key=str.encode)
    found = differences(
        [one for key in in_order for one in here[key]], [there[key] for key in sorted(there, key=str.encode)]
    )
    wanted = [
        (kind, key)
        for key in sorted(here.keys() | there.keys(), key=str.encode)
        for kind in expected(here.get(key, []), there.get(key))
    ]
    assert found == wanted


def test_everything_is_counted() -> None:
    tally = Tally()
    list(compare(grouped([item("a"), item("b", modified=NEW)]), [row("a"), row("c")], GUARD, tally))
    assert (tally.objects, tally.rows, tally.size, tally.young) == (2, 2, 10, 1)


@pytest.mark.parametrize(("objects", "most"), [(0, 10), (999, 10), (2_000, 20), (10_000, 100), (5_000_000, 100)])
def test_when_a_run_is_no_longer_believed(objects: int, most: int) -> None:
    assert most_believed(objects) == most


def test_kinds_have_no_repair_that_the_guard_does_not_know() -> None:
    from compliance.reconciliation.rules.kinds import GUARDED, REPAIRS

    assert set(REPAIRS) - GUARDED == {Kind.HASH, Kind.WRONG_KEY, Kind.FOUND_AGAIN}  # found by reading, or harmless


def test_everything_is_read_within_the_days() -> None:
    """A simulated month: by the daily budget alone nothing is ever left to its last day."""
    days, sizes = 30, [7 + number % 13 for number in range(500)]
    read = [NOW - timedelta(days=number % days) for number in range(500)]
    for day in range(70):
        now, spent, budget = NOW + timedelta(days=day), 0, daily_bytes(sum(sizes), days)
        for number in sorted(range(500), key=lambda one: read[one]):
            if must_be_read(read[number], now, days) or (spent < budget and may_be_read(read[number], now)):
                read[number], spent = now, spent + sizes[number]
        assert min(read) > now - timedelta(days=days)
        if day > days:
            assert spent <= 2 * budget

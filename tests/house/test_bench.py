"""The benchmark's own machinery, on sizes that take no time: targets judged, rows shown, families run in processes."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from tests.bench import clocks, families, memory, scales, table, verifying
from tests.bench.families import FAMILIES, Family, FamilyFailed
from tests.bench.figures import Figure, Verdict, at_least, at_most, ratio_at_least

FAST = Figure(what="rows", measured=12_000, unit="/s", baseline=15_000, ratio=0.8, target=ratio_at_least(0.8))


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (FAST, Verdict.MET),
        (replace(FAST, ratio=0.79), Verdict.SHORT),
        (replace(FAST, target=at_least(12_001)), Verdict.SHORT),
        (replace(FAST, target=at_most(12_000)), Verdict.MET),
        (replace(FAST, target=None), Verdict.INFORMATION),
    ],
)
def test_a_figure_is_judged_by_its_target(figure: Figure, verdict: Verdict) -> None:
    assert figure.verdict is verdict


def test_a_ratio_is_never_met_without_a_baseline() -> None:
    with pytest.raises(ValueError, match="there is none"):
        _ = replace(FAST, ratio=None).verdict


def test_a_figure_survives_the_way_between_processes() -> None:
    for figure in (FAST, replace(FAST, target=None, note="by the clock")):
        assert Figure.from_json(json.loads(json.dumps(figure.to_json()))) == figure


def test_the_table_says_measured_baseline_ratio_target_and_verdict(tmp_path: Path) -> None:
    screen = io.StringIO()
    table.show({"one": [FAST]}, Console(file=screen, width=160))
    for cell in ("12,000 /s", "15,000 /s", "0.80", "≥ 0.8", "met"):
        assert cell in screen.getvalue()
    table.write_json({"one": [FAST]}, {"two": "broke"}, tmp_path / "new" / "bench.json")
    written = json.loads((tmp_path / "new" / "bench.json").read_text())
    assert written["figures"]["one"][0]["verdict"] == "met"
    assert written["failures"] == {"two": "broke"}


def test_speed_is_how_many_times_as_fast_as_the_baseline() -> None:
    rounds = clocks.Rounds({"ours": [2.0, 4.0, 2.0], "theirs": [1.0, 1.0, 1.0]})
    assert rounds.speed("ours", "theirs") == 0.5
    assert rounds.paired_speed("ours", "theirs") == 0.5
    assert clocks.percentile([3.0, 1.0, 2.0], 0.99) == 3.0


def test_sides_take_turns_as_often_as_each_other() -> None:
    calls: list[str] = []

    def side(name: str) -> float:
        calls.append(name)
        return 1.0

    rounds = clocks.take_turns({name: partial(side, name) for name in "ab"}, 5)
    assert calls.count("a") == calls.count("b") == 6
    assert len(rounds.costs["a"]) == 5


def test_memory_that_was_touched_is_seen() -> None:
    assert memory.peak_growth(lambda: bytearray(b"x") * (32 * memory.MIB)) > 16


def test_the_scale_is_asked_for_by_a_known_word() -> None:
    assert scales.of_environment({"SCALE": "1M"}).log_entries == 1_000_000
    assert scales.of_environment({}) == scales.USUAL
    with pytest.raises(ValueError, match="SCALE"):
        scales.of_environment({"SCALE": "2M"})


def test_every_family_has_its_module() -> None:
    folder = Path(families.__file__).parent
    assert all((folder / f"{family.name}.py").is_file() for family in FAMILIES)


@pytest.mark.parametrize("name", ["sealing", "verifying", "disclosing"])
def test_a_pure_family_measures_in_a_process_of_its_own(name: str) -> None:
    family = next(family for family in FAMILIES if family.name == name)
    figures = families.run(family, {"SCALE": "tiny"})
    assert figures
    assert all(figure.measured >= 0 and figure.verdict is not Verdict.INFORMATION for figure in figures)


def test_a_family_that_breaks_says_why() -> None:
    with pytest.raises(FamilyFailed, match="no_such_family"):
        families.run(Family("no_such_family"), {})


def test_a_log_with_a_changed_entry_would_not_be_timed(tmp_path: Path) -> None:
    verifying.write_log(tmp_path, 300)
    bundle = next(path for path in (tmp_path / "tile" / "entries").iterdir() if path.is_file())
    data = bytearray(bundle.read_bytes())
    data[200] ^= 1
    bundle.write_bytes(bytes(data))
    with pytest.raises(AssertionError, match="the verifier answers"):
        verifying.check(tmp_path)

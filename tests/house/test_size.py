"""Budgets of the house: small files, small functions, no rooms for leftovers."""

from __future__ import annotations

import ast
import statistics

from compliance.embedded.places import PROJECT
from tests.house import source

FILE_MEDIAN, FILE_P90, FILE_MOST = 110, 250, 400
FUNCTION_MEDIAN, FUNCTION_P90, FUNCTION_LOOK, FUNCTION_MOST = 10, 35, 60, 120

# Each was looked at again, and tells one story that would not be clearer in two files.
LONG_FILES = {
    "tests/compliance/connectors/providers/test_elevenlabs.py",
    "tests/compliance/connectors/providers/test_retell.py",
    "tests/compliance/connectors/providers/test_twilio.py",
    "tests/compliance/connectors/providers/test_vapi.py",
    "tests/compliance/disclosure/test_operations.py",
    "tests/compliance/recordings/test_origins.py",
    "tests/compliance/retention/test_runs.py",
    "tests/compliance/retention/test_upstream.py",
    "tests/compliance/vault/test_blobs.py",
    "tests/compliance/vault/test_destruction.py",
    "tests/compliance/vault/test_store.py",
}
LONG_FUNCTIONS: set[str] = set()


def lengths() -> dict[str, int]:
    """Lines of each Python file; migrations are frozen and not counted."""
    return {
        path.relative_to(PROJECT).as_posix(): len(path.read_text().splitlines())
        for path in source.tracked()
        if path.suffix == ".py" and "migrations" not in path.parts
    }


def functions() -> dict[str, int]:
    """Lines of each function of ours."""
    return {
        f"{module.path}:{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for module in source.modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef)
    }


def p90(values: list[int]) -> float:
    return statistics.quantiles(values, n=10)[-1]


def test_files_are_small() -> None:
    ours = [lines for name, lines in lengths().items() if not name.startswith("tests/") and lines > 1]
    assert statistics.median(ours) <= FILE_MEDIAN
    assert p90(ours) <= FILE_P90
    assert {name for name, lines in lengths().items() if lines > FILE_MOST} <= LONG_FILES


def test_functions_are_small() -> None:
    found = functions()
    assert statistics.median(found.values()) <= FUNCTION_MEDIAN
    assert p90(list(found.values())) <= FUNCTION_P90
    assert {name: lines for name, lines in found.items() if lines > FUNCTION_MOST} == {}
    assert {name for name, lines in found.items() if lines > FUNCTION_LOOK} <= LONG_FUNCTIONS


def test_exceptions_to_the_budgets_are_still_needed() -> None:
    assert {name for name in LONG_FILES if lengths().get(name, 0) <= FILE_MOST} == set()
    assert {name for name in LONG_FUNCTIONS if functions().get(name, 0) <= FUNCTION_LOOK} == set()


def test_no_file_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "base_models", "shared", "lib"}
    assert [str(path) for path in source.tracked() if path.stem in drawers and path.suffix == ".py"] == []


def test_one_place_alone_catches_everything() -> None:
    """The sweep's edge. Everywhere else an exception that nobody expected reaches the top."""
    found = [
        module.path
        for module in source.modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and (node.type is None or source.dotted(node.type) == "Exception")
    ]
    assert found == ["compliance/jobs.py"]


def test_nothing_of_ours_is_imported_inside_a_function() -> None:
    """`ready()` excepted: there the registry is complete and not before."""
    found = [
        f"{module.path}:{node.lineno}"
        for module in source.modules()
        for function in ast.walk(module.tree)
        if isinstance(function, ast.FunctionDef) and function.name != "ready"
        for node in ast.walk(function)
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in source.STOREYS)
        or (isinstance(node, ast.Import) and node.names[0].name.split(".")[0] in source.STOREYS)
    ]
    assert found == []


def test_news_travels_by_rows_and_not_by_signals() -> None:
    found = [
        module.path
        for module in source.modules()
        if any(
            isinstance(node, ast.ImportFrom) and (node.module or "").endswith(("signals", "dispatch"))
            for node in ast.walk(module.tree)
        )
    ]
    assert found == []

"""What every operation does: takes its actor by keyword, asks for the right, and leaves an entry."""

from __future__ import annotations

import ast
import importlib
import re

import pytest

from audit.log import EntryClass
from tests.house import source
from tests.house.source import Module

# Past participles that do not end in -ed.
_IRREGULAR = {
    "begun", "built", "found", "given", "held", "kept", "left", "lost", "made", "proven", "put", "read", "run",
    "seen", "sent", "set", "shown", "taken", "told", "withdrawn", "written",
}  # fmt: skip
_OWN_WORD = {"audit": "log"}
# Nobody is known yet where these begin: they make their actor of a link, a token or a new organisation.
_BEFORE_AN_ACTOR = {
    "accounts.operations.create_organisation",
    "compliance.dsr.operations.delivering.open_package",
    "compliance.dsr.operations.delivering.send_package_code",
    "compliance.intake.operations.accepting.accept_delivery",
    "compliance.recordings.operations.opening.open_link",
}


def functions(module: Module) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in module.tree.body if isinstance(node, ast.FunctionDef)}


def operations() -> list[tuple[Module, ast.FunctionDef]]:
    """Public functions that open an operation, in modules and packages of that name."""
    return [
        (module, function)
        for module in source.modules()
        if ".operations" in module.name
        for function in functions(module).values()
        if not function.name.startswith("_") and opens_operation(function)
    ]


def opens_operation(function: ast.FunctionDef) -> bool:
    return any(source.dotted(call) == "tenancy.operation" for call in source.calls(function))


def leaves_entry(module: Module, function: ast.FunctionDef, seen: frozenset[str] = frozenset()) -> bool:
    """Does it, or a function of ours that it calls, append to the log?"""
    for call in source.calls(function):
        name = source.dotted(call)
        if name == "log.append":
            return True
        found = definition(module, name)
        if found is not None and f"{found[0].name}.{found[1].name}" not in seen:
            key = f"{found[0].name}.{found[1].name}"
            if leaves_entry(*found, seen | {key}):
                return True
    return False


def definition(module: Module, name: str) -> tuple[Module, ast.FunctionDef] | None:
    """Where `name` or `module.name` is defined, if in our code and not by way of a variable."""
    head, _, tail = name.rpartition(".")
    if not head:
        if name in functions(module):
            return module, functions(module)[name]
        return elsewhere(imports(module).get(name, ""))
    return elsewhere(f"{imports(module)[head]}.{tail}") if head in imports(module) else None


def elsewhere(path: str) -> tuple[Module, ast.FunctionDef] | None:
    home, _, name = path.rpartition(".")
    module = next((one for one in source.modules() if one.name == home), None)
    function = functions(module).get(name) if module else None
    return (module, function) if module and function else None


def imports(module: Module) -> dict[str, str]:
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_there_are_operations() -> None:
    assert len(operations()) > 40


@pytest.mark.parametrize(("module", "function"), operations(), ids=lambda one: one.name)
def test_an_operation_leaves_an_entry(module: Module, function: ast.FunctionDef) -> None:
    assert leaves_entry(module, function)


@pytest.mark.parametrize(("module", "function"), operations(), ids=lambda one: one.name)
def test_an_operation_takes_its_actor_first_and_by_keyword(module: Module, function: ast.FunctionDef) -> None:
    names = [one.arg for one in function.args.kwonlyargs]
    assert function.args.args == [] or f"{module.name}.{function.name}" in _BEFORE_AN_ACTOR
    assert names[:1] == ["actor"] or f"{module.name}.{function.name}" in _BEFORE_AN_ACTOR
    assert len(names) <= 8
    assert ast.get_docstring(function)


# --- events -----------------------------------------------------------------------------------------------------------


def events() -> list[tuple[str, str, str]]:
    """(room, constant, name) of each event."""
    return [
        (module.room, name, value)
        for module in source.modules()
        if module.name.endswith(".events")
        for name, value in vars(importlib.import_module(module.name)).items()
        if name.isupper() and isinstance(value, str)
    ]


@pytest.mark.parametrize(("room", "constant", "name"), events(), ids=str)
def test_an_event_is_room_thing_past_participle(room: str, constant: str, name: str) -> None:
    found = re.fullmatch(r"([a-z]+)\.([a-z]+(?:_[a-z]+)*)\.([a-z]+(?:_[a-z]+)*)", name)
    assert found, name
    assert found[1] == _OWN_WORD.get(room, room)
    done = {found[3].split("_")[0], found[3].split("_")[-1]}
    assert any(word.endswith("ed") or word in _IRREGULAR for word in done), name


def test_an_event_has_one_name() -> None:
    names = [name for _, _, name in events()]
    assert len(names) == len(set(names)) > 40


def test_entries_are_written_with_events_of_their_room() -> None:
    """No event is spelt out where it is written: a search for its constant finds every place."""
    spelt = [
        f"{module.path}:{call.lineno}"
        for module in source.modules()
        for call in source.calls(module.tree)
        for keyword in call.keywords
        if keyword.arg == "event" and isinstance(keyword.value, ast.Constant)
    ]
    assert spelt == []


def test_the_kinds_of_entries_are_the_contracts() -> None:
    assert {one.value for one in EntryClass} == {"access", "change", "delete", "decision", "auth", "config", "system"}

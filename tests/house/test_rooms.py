"""Who touches whose rows. Imports themselves are checked by the contracts in pyproject.toml (`make lint`)."""

from __future__ import annotations

import ast
import re

import pytest
from django.apps import apps
from django.db import models

from compliance.config.celery import app as celery
from compliance.jobs import REGISTRY
from tests.house import source
from tests.house.source import Module

OURS = ("accounts", "audit", "compliance")


def imported_from(module: Module) -> dict[str, str]:
    """Each name that a module imports, and from where."""
    return {
        alias.asname or alias.name: node.module or ""
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def managers(module: Module) -> list[str]:
    """Every `Something.objects` in a module."""
    return [
        source.dotted(node.value)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and node.attr == "objects"
    ]


@pytest.mark.parametrize("module", [one for one in source.modules() if one.is_edge], ids=lambda one: one.name)
def test_edges_read_rows_through_a_door(module: Module) -> None:
    assert managers(module) == []


def test_rows_are_reached_from_their_own_room_only() -> None:
    strange = []
    for module in source.modules():
        origins = imported_from(module)
        for name in managers(module):
            origin = origins.get(name, module.name)
            owner = next((one.room for one in source.modules() if one.name == origin), "")
            if owner != module.room and (module.path, name) not in OF_THE_STOREY_BELOW:
                strange.append(f"{module.path}: {name}.objects of {origin}")
    assert strange == []


# The controller itself: its name and zone stand on every letter and page, and it has no room of its own.
OF_THE_STOREY_BELOW = {("compliance/dsr/access.py", "Organisation")}


def test_foreign_keys_protect_and_have_no_way_back() -> None:
    found = [
        field
        for model in apps.get_models()
        if model.__module__.startswith(OURS)
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey)
    ]
    assert len(found) > 30
    loose = [str(one) for one in found if one.remote_field.on_delete is not models.PROTECT]
    assert loose == []
    assert [str(one) for one in found if one.remote_field.related_name != "+"] == []


def test_the_log_points_at_nothing() -> None:
    log_models = [model for model in apps.get_models() if model._meta.app_label == "audit"]
    assert len(log_models) > 3
    assert [str(field) for model in log_models for field in model._meta.get_fields() if field.is_relation] == []


@pytest.mark.parametrize("module", source.modules(migrations=True), ids=lambda one: one.path)
def test_migrations_know_no_code_of_ours(module: Module) -> None:
    """A migration is frozen; code is not. The one exception makes ids, and will make them for ever."""
    names = {node.module or "" for node in ast.walk(module.tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(module.tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name for name in names if name.split(".")[0] in OURS} <= {"audit.ids"}


def test_migrations_are_named_for_what_they_do() -> None:
    names = [one.path.rpartition("/")[2] for one in source.modules(migrations=True)]
    assert [name for name in names if re.search(r"_(initial|auto)[_.]|merge", name)] == []


# --- jobs and tasks ---------------------------------------------------------------------------------------------------


def enqueued() -> dict[str, str]:
    """Each job that code asks for by name, and where."""
    found: dict[str, str] = {}
    for module in source.modules():
        for function in ast.walk(module.tree):
            if not isinstance(function, ast.FunctionDef):
                continue
            for call in source.calls(function):
                if source.dotted(call).rpartition(".")[2] == "enqueue_on_commit" and module.name != "compliance.jobs":
                    names = names_in(call.args[0], function) or names_given(call.args[0], function, module)
                    assert names, f"{module.path}:{call.lineno}: the job's name cannot be read from the code"
                    found |= dict.fromkeys(names, module.path)
    return found


def names_in(argument: ast.expr, function: ast.FunctionDef) -> list[str]:
    """The names that an argument can be: written there, or put into a variable of the same function."""
    sources: list[ast.AST] = [argument]
    if isinstance(argument, ast.Name):
        assigned = [node for node in ast.walk(function) if isinstance(node, ast.Assign | ast.NamedExpr)]
        sources = [node.value for node in assigned if argument.id in {source.dotted(one) for one in targets(node)}]
    words = [node.value for one in sources for node in ast.walk(one) if isinstance(node, ast.Constant)]
    return [word for word in words if isinstance(word, str) and "." in word]


def names_given(argument: ast.expr, function: ast.FunctionDef, module: Module) -> list[str]:
    """The names that the callers of a function in its own module give for one of its parameters."""
    parameters = [one.arg for one in function.args.args]
    if source.dotted(argument) not in parameters:
        return []
    place = parameters.index(source.dotted(argument))
    given = [call.args[place] for call in source.calls(module.tree) if source.dotted(call) == function.name]
    return [one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def targets(node: ast.Assign | ast.NamedExpr) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def test_jobs_that_are_asked_for_exist() -> None:
    celery.loader.import_default_modules()
    asked = enqueued()
    assert len(asked) > 10
    assert {name: place for name, place in asked.items() if name not in REGISTRY} == {}


def test_jobs_that_exist_are_asked_for() -> None:
    celery.loader.import_default_modules()
    ours = {name for name, job in REGISTRY.items() if job.handler.__module__.startswith(OURS)}
    assert ours - set(enqueued()) == set()


def test_jobs_are_named_for_their_room_and_lie_in_its_tasks() -> None:
    celery.loader.import_default_modules()
    for name, job in REGISTRY.items():
        if job.handler.__module__.startswith(OURS):
            room = job.handler.__module__.removeprefix("compliance.").split(".")[0]
            assert re.fullmatch(rf"{room}\.[a-z]+(_[a-z]+)*", name)
            assert job.handler.__module__.endswith(".tasks")


def test_what_the_scheduler_rings_for_exists() -> None:
    celery.loader.import_default_modules()
    schedule = celery.conf.beat_schedule
    assert len(schedule) >= 3
    assert {entry["task"] for entry in schedule.values()} - set(celery.tasks) == set()

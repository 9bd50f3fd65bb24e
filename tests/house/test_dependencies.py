"""What we install: locked as a whole, under licences that let us."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from compliance.embedded.places import PROJECT

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
DIRECT_MOST = 40


def lock(name: str) -> dict[str, str]:
    """Package and version of each line of a lock."""
    lines = (PROJECT / "requirements" / name).read_text().splitlines()
    found = [re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", line) for line in lines]
    return {canonicalize_name(one[1]): one[2] for one in found if one}


def wanted(*extras: str) -> list[Requirement]:
    lines = [*PYPROJECT["dependencies"], *(line for one in extras for line in PYPROJECT["optional-dependencies"][one])]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(("name", "extras"), [("run.txt", ["embedded"]), ("dev.txt", ["embedded", "dev"])])
def test_the_lock_holds_all_that_is_asked_for(name: str, extras: list[str]) -> None:
    locked = lock(name)
    for one in wanted(*extras):
        assert locked.get(canonicalize_name(one.name), "0") in one.specifier, one


def test_each_dependency_says_why() -> None:
    text = (PROJECT / "pyproject.toml").read_text()
    block = text[text.index("dependencies = [") : text.index("[project.optional-dependencies]")]
    lines = [line for line in block.splitlines() if line.strip().startswith('"')]
    assert [line for line in lines if "#" not in line.partition('",')[2]] == []
    assert len(lines) <= DIRECT_MOST


def test_what_runs_holds_nothing_of_development() -> None:
    assert not {"pytest", "mypy", "ruff", "hypothesis", "playwright"} & set(lock("run.txt"))


# --- licences ---------------------------------------------------------------------------------------------------------

_GPL = re.compile(r"\b(A?GPL|GNU (Affero )?General Public)", re.IGNORECASE)
_LESSER = re.compile(r"\bLGPL|Lesser General Public|Library General Public", re.IGNORECASE)
# Offered under several licences, of which the GPL is one that nobody has to choose.
_CHOICE: set[str] = set()


def licence(name: str) -> str | None:
    """What a package says of its licence, in all the places where packages say it; None where it is not installed
    here.
    """
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    said = [line for field in ("License-Expression", "License") for line in about.get_all(field) or []]
    classified = [line for line in about.get_all("Classifier") or [] if line.startswith("License")]
    return "; ".join([*(line[:200] for line in said), *classified])


def test_the_licences_can_be_read() -> None:
    """Some packages are for other systems only; most are here, and say something."""
    said = {name: licence(name) for name in lock("run.txt")}
    assert sum(text is not None for text in said.values()) > 0.8 * len(said)
    assert {name for name, text in said.items() if text is not None and not text.strip("; ")} == set()


def test_nothing_that_runs_is_under_the_gpl() -> None:
    said = {name: licence(name) or "" for name in lock("run.txt")}
    assert {
        name: text
        for name, text in said.items()
        if _GPL.search(text) and not _LESSER.search(text) and name not in _CHOICE
    } == {}


def test_what_is_under_the_lgpl_or_mpl_is_named_in_notice() -> None:
    notice = (PROJECT / "NOTICE").read_text()
    named = {name for name in lock("run.txt") if _LESSER.search(licence(name) or "") or "MPL" in (licence(name) or "")}
    assert {"psycopg", "zipstream-ng", "certifi"} <= named
    assert {name for name in named if not re.search(rf"\b{re.escape(name)}\b", notice)} == set()


def test_the_codecs_in_wheels_are_named_in_notice() -> None:
    notice = (PROJECT / "NOTICE").read_text()
    assert {
        word for word in ("FFmpeg", "x264", "x265", "LAME", "libpq", "Valkey", "PostgreSQL") if word not in notice
    } == set()

"""`make clean` never takes an organisation with it that is not the demo's."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from compliance.embedded import cleaning
from compliance.embedded.places import LauncherError, Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    places = Places(tmp_path / "var")
    places.make()
    return places


def test_the_demo_goes(places: Places, tmp_path: Path) -> None:
    cleaning.note(places, "demo")
    cleaning.clean(places.var, force=False, environment=tmp_path / "venv")
    assert not places.var.exists()


def test_an_organisation_stays(places: Places, tmp_path: Path) -> None:
    cleaning.note(places, "demo")
    cleaning.note(places, "Nordwind Clinic")
    with pytest.raises(LauncherError, match="Nordwind Clinic"):
        cleaning.clean(places.var, force=False, environment=tmp_path / "venv")
    assert places.organisations.exists()


def test_an_organisation_goes_when_it_is_meant(places: Places, tmp_path: Path) -> None:
    cleaning.note(places, "Nordwind Clinic")
    cleaning.clean(places.var, force=True, environment=tmp_path / "venv")
    assert not places.var.exists()


def test_a_running_instance_stays_even_by_force(places: Places, tmp_path: Path) -> None:
    with (places.var / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(LauncherError, match="running"):
            cleaning.clean(places.var, force=True, environment=tmp_path / "venv")
    assert places.var.exists()


def test_a_line_is_written_once(places: Places) -> None:
    cleaning.note(places, "demo")
    cleaning.note(places, "demo")
    assert places.organisations.read_text() == "demo\n"


def test_nothing_there_is_nothing_to_refuse(tmp_path: Path) -> None:
    cleaning.clean(tmp_path / "never", force=False, environment=tmp_path / "venv")

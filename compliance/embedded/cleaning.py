"""`make clean`: what it removes cannot be brought back, so it looks who lives there first."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

from compliance.embedded.places import ENVIRONMENT, LauncherError, Places

_OURS = "demo"


def clean(var: Path, *, force: bool, environment: Path = ENVIRONMENT) -> None:
    """Remove `var` and the virtual environment.

    Raises LauncherError where an instance runs, or holds more than the demo.
    """
    places = Places(var)
    if is_running(places):
        raise LauncherError(f"An instance is running in {var}. Stop it first.")
    kept = strangers(places)
    if kept and not force:
        raise LauncherError(
            f"{var} holds what is not the demo's: {', '.join(kept)}. Its recordings and keys would be gone for good. "
            "If that is meant: make clean FORCE=1"
        )
    for folder in (var, environment):
        shutil.rmtree(folder, ignore_errors=True)


def strangers(places: Places) -> list[str]:
    """The organisations that were made here and are not the demo's."""
    try:
        lines = places.organisations.read_text().splitlines()
    except FileNotFoundError:
        return []
    return sorted({line.strip() for line in lines if line.strip()} - {_OURS})


def note(places: Places, organisation: str) -> None:
    """Remember that an organisation lives here."""
    lines = places.organisations.read_text().splitlines() if places.organisations.exists() else []
    if organisation not in lines:
        with places.organisations.open("a") as file:
            file.write(f"{organisation}\n")


def is_running(places: Places) -> bool:
    """Whether a launcher holds this folder."""
    try:
        with (places.var / "lock").open("r") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False

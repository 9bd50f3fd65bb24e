"""Postgres refuses to run as root, or as a user without a name. This finds the way in which it can be started here, and
lets children die with the launcher.

In this order: a user namespace of its own (nothing on disk changes its owner), else the user `nobody` with a data
folder of its own, else a plain message.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from compliance.embedded.places import LauncherError

_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")


@dataclass(frozen=True)
class Confinement:
    """How a program that refuses root is started."""

    prefix: tuple[str, ...] = ()
    owner: tuple[int, int] | None = None
    """User and group that the data folder must belong to; None leaves it as it is."""

    def take(self, folder: Path) -> None:
        """Give a folder with all in it to the user that the program will have.

        Raises LauncherError where that user cannot reach it.
        """
        if self.owner is None:
            return
        for path in (folder, *folder.rglob("*")):
            os.chown(path, *self.owner, follow_symlinks=False)
        if subprocess.run([*self.prefix, "test", "-x", folder], check=False).returncode:
            raise LauncherError(
                f"Postgres may not run as root, and the user it would get cannot enter {folder}. "
                "Run this as an ordinary user, or set DATABASE_URL."
            )

    def program(self, path: Path, copy_to: Path) -> Path:
        """The program's path for the confined user.

        Its whole installation is copied where that user cannot reach it.
        """
        if self.owner is None or not subprocess.run([*self.prefix, "test", "-x", path], check=False).returncode:
            return path
        if not copy_to.exists():
            shutil.copytree(path.parents[1], copy_to, symlinks=True)
            self.take(copy_to)
        return copy_to / path.parent.name / path.name


def find_confinement() -> Confinement:
    """The first way that works on this machine. Raises LauncherError where none does."""
    if os.geteuid() != 0 and _has_a_name(os.geteuid()):
        return Confinement()
    namespace = _namespace()
    if _works(namespace):
        return Confinement(prefix=namespace)
    if os.geteuid() == 0 and _works(_NOBODY):
        nobody = pwd.getpwnam("nobody")
        return Confinement(prefix=_NOBODY, owner=(nobody.pw_uid, nobody.pw_gid))
    raise LauncherError(
        "Postgres may run neither as root nor as a user without a name, and neither user namespaces nor setpriv are "
        "usable here. Run this as an ordinary user, or set DATABASE_URL."
    )


def _namespace() -> tuple[str, ...]:
    """Inside, we have the number of any user but root: Postgres looks the name up and wants nothing else of it."""
    user = next((entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0), 1)
    return ("unshare", "--user", f"--map-user={user}", f"--map-group={user}")


def _has_a_name(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


@cache
def dies_with_parent(signal_name: str) -> tuple[str, ...]:
    """A prefix after which a child gets this signal when the launcher is gone.

    Empty where the system has none (macOS).
    """
    prefix = ("setpriv", "--pdeathsig", signal_name)
    return prefix if _works(prefix) else ()


def _works(prefix: tuple[str, ...]) -> bool:
    if shutil.which(prefix[0]) is None:
        return False
    return subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0

"""The measuring app's tables and triggers, made in the family's own databases by their owner."""

from __future__ import annotations

import os
import subprocess
import sys

import psycopg

from compliance.embedded.places import PROJECT

_CAPTURE = """
    CREATE TRIGGER audit_rows AFTER INSERT OR UPDATE OR DELETE ON bench_captured
        FOR EACH ROW EXECUTE FUNCTION audit_row_changed()
"""


def make() -> None:
    """The tables of the app and of the packages beside us, pghistory's triggers, and our own row trigger."""
    _manage("migrate", "--run-syncdb", "--verbosity", "0", "--skip-checks")
    _manage("pgtrigger", "install")
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute(_CAPTURE)


def _manage(*arguments: str) -> None:
    answer = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env=os.environ | {"CALLWARDEN_DB_ROLE": "owner"},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{answer.stdout}\n{answer.stderr}")

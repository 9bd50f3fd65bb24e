#!/usr/bin/env python
"""Django's command line.

Without a profile and a database in the environment it joins the instance that `make run` has running here, or, where
none runs, works as a tool: commands that need neither database nor secrets (check_prompts, deadlines, makemigrations,
spectacular).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

_RUNNING_INSTANCE = Path(__file__).resolve().parent / "var" / "secrets" / "environment.json"


def main() -> None:
    """Run one command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.config.settings")
    if not {"CALLWARDEN_PROFILE", "DATABASE_URL"} & os.environ.keys():
        os.environ.update(_environment_here())
    if sys.argv[1:2] == ["migrate"]:
        os.environ.setdefault("CALLWARDEN_DB_ROLE", "owner")  # the service's own role owns nothing and cannot
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - the environment comes first

    execute_from_command_line(sys.argv)


def _environment_here() -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(_RUNNING_INSTANCE.read_text())
    except (OSError, ValueError):
        return {"CALLWARDEN_PROFILE": "tool"}
    return found


if __name__ == "__main__":
    main()

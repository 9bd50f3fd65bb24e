"""`manage.py check_prompts`: do prompts disclose that the call is recorded? Needs no database."""

from __future__ import annotations

from compliance.disclosure.management.windows import Window


class Command(Window):
    """Options, output and exit codes are those of `commandline`."""

    help = "Checks that voice-agent prompts tell the caller that the call is recorded."
    command = "check_prompts"

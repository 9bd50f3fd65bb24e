"""`manage.py check_transcripts`: was it said in the call that it is recorded? Needs no database."""

from __future__ import annotations

from compliance.disclosure.management.windows import Window


class Command(Window):
    """Options, output and exit codes are those of `commandline`."""

    help = "Checks transcripts of calls: was the caller told about the recording, in time, and did they agree?"
    command = "check_transcripts"

"""`manage.py measure_disclosure`: how well does the judge do on labelled cases? Needs no database."""

from __future__ import annotations

from compliance.disclosure.management.windows import Window


class Command(Window):
    """Options, output and exit codes are those of `commandline`."""

    help = "Scores the judge on labelled cases, prompts and calls."
    command = "measure_disclosure"

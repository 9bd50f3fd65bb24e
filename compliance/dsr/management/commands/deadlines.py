"""The legal clock as a program: one JSON question a line in, one JSON answer a line out, in the same order.

Needs no database. Exit 0 when every line was answered, 64 (EX_USAGE) for wrong usage or a line that cannot be used:
each such line is named on standard error, the others are answered all the same.
"""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError

from compliance.law import LawError, inquiry

EX_USAGE = 64


class Command(BaseCommand):
    help = "Computes legal deadlines: reads JSON lines from FILE or standard input, writes JSON lines."
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", default="-", metavar="FILE", help="JSON lines; - is standard input")

    def run_from_argv(self, argv: list[str]) -> None:
        try:
            super().run_from_argv(argv)
        except SystemExit as end:  # argparse ends with 2 on wrong usage
            raise SystemExit(EX_USAGE if end.code == 2 else end.code) from None

    def handle(self, *args: Any, **options: Any) -> None:
        unusable = 0
        with _opened(options["file"]) as stream:
            for number, line in enumerate(stream, start=1):
                if not line.strip():
                    continue
                try:
                    answer = inquiry.parse(line).answer()
                except LawError as error:
                    unusable += 1
                    self.stderr.write(f"line {number}: {error}")
                else:
                    self.stdout.write(json.dumps(answer))
        if unusable:
            raise CommandError(f"{unusable} line(s) could not be used", returncode=EX_USAGE)


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = Path(name).open("rb")  # noqa: SIM115 (closed below; the body's own errors must pass)
    except OSError as error:
        raise CommandError(f"cannot read {name}: {error.strerror}", returncode=EX_USAGE) from None
    with stream:
        yield stream

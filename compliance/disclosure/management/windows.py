"""Management commands that are windows on a command line of ours: no database, no system checks, own exit codes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.disclosure import commandline


class Window(BaseCommand):
    """A command whose options, output and exit codes are those of `commandline`."""

    requires_system_checks = []
    command: str

    def run_from_argv(self, argv: list[str]) -> None:
        """Run, and leave the process with the command's own code."""
        commandline.leave(self.command, argv[2:], f"manage.py {self.command}")

    def print_help(self, prog_name: str, subcommand: str) -> None:
        """Our own options."""
        commandline.parser(self.command, f"manage.py {subcommand}").print_help()

    def handle(self, *args: Any, **options: Any) -> None:
        """Never reached from a terminal; a program calls `commandline`."""
        raise CommandError("call compliance.disclosure.commandline instead")

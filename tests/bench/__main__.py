"""`python -m tests.bench [FAMILY…]`: measures, shows a table, writes var/bench.json.

`SCALE=1M` measures the million-row rows at their full size. The exit code says whether everything could be measured,
not whether it was fast: a busy machine is no bug.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from compliance.embedded.places import PROJECT
from tests.bench import databases, families, scales, table
from tests.bench.families import FAMILIES, Family, FamilyFailed
from tests.bench.figures import Figure


def main() -> int:
    """Run the chosen families, all without a choice."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    known = [family.name for family in FAMILIES]
    parser.add_argument("family", nargs="*", help=f"some of: {', '.join(known)}")
    parser.add_argument("--json", type=Path, default=PROJECT / "var" / "bench.json", help="where the figures go")
    options = parser.parse_args()
    if unknown := set(options.family) - set(known):
        parser.error(f"no such family: {', '.join(sorted(unknown))}")
    scales.of_environment(os.environ)
    chosen = [family for family in FAMILIES if not options.family or family.name in options.family]
    console = Console(width=None if sys.stdout.isatty() else 180)
    figures, failures = _measure(chosen, console)
    table.show(figures, console)
    table.write_json(figures, failures, options.json)
    for name, reason in failures.items():
        console.print(f"[red]{name} could not be measured[/]\n", reason, markup=True, highlight=False)
    return 1 if failures else 0


def _measure(chosen: list[Family], console: Console) -> tuple[dict[str, list[Figure]], dict[str, str]]:
    figures: dict[str, list[Figure]] = {}
    failures: dict[str, str] = {}
    with ExitStack() as stack:
        server = None
        for family in chosen:
            console.print(f"[dim]measuring: {family.name}[/]")
            if family.needs_database and server is None:
                server = stack.enter_context(databases.running_server())
            try:
                with ExitStack() as own:
                    environment = own.enter_context(server.databases()) if family.needs_database and server else {}
                    figures[family.name] = families.run(family, environment)
            except FamilyFailed as failure:
                failures[family.name] = str(failure)
    return figures, failures


if __name__ == "__main__":
    sys.exit(main())

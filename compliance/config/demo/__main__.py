"""`make demo`: the main job in the terminal, against a throw-away instance, over HTTP like anybody else."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from compliance.config.demo.instance import throw_away_stage
from compliance.config.demo.story import NotProven, Story
from compliance.embedded.places import LauncherError


def main() -> int:
    """Run every step; 0 only if each one was proven."""
    console = Console(highlight=False)
    table = Table(title="What happened, and how it was proven", title_justify="left", show_lines=False, expand=False)
    for column in ("", "step", "proof"):
        table.add_column(column, overflow="fold")
    code = 0
    try:
        with console.status("starting an instance of its own …"), throw_away_stage() as stage:
            console.print(f"an instance of its own runs at [bold]{stage.base_url}[/bold]")
            with Story(stage) as story:
                for step in story.steps:
                    with console.status(f"{step.title} …"):
                        proof = step.run()
                    console.print(f"[green]✓[/green] {step.title}: {proof}")
                    table.add_row("[green]✓[/green]", step.title, proof)
    except (NotProven, LauncherError) as failure:
        console.print(f"[red]✗ not proven:[/red] {failure}")
        table.add_row("[red]✗[/red]", "not proven", str(failure).splitlines()[0])
        code = 1
    console.print(table)
    return code


if __name__ == "__main__":
    sys.exit(main())

"""Our own files and their syntax trees, for the laws of the house."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from compliance.embedded.places import PROJECT

STOREYS = ("accounts", "audit", "compliance")


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file."""

    path: str
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Its dotted name."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def room(self) -> str:
        """`accounts`, `audit`, or the package inside `compliance`."""
        parts = self.name.split(".")
        return parts[1] if parts[0] == "compliance" and len(parts) > 1 else parts[0]

    @property
    def is_edge(self) -> bool:
        """Does it face the outside: HTTP, console, worker, terminal?"""
        inner = self.name.split(".")[2 if self.name.startswith("compliance.") else 1 :]
        return bool(inner) and inner[0] in EDGES


EDGES = {"admin", "api", "holding", "management", "packages", "playback", "tasks", "views", "webhooks", "dialgen_api"}


@functools.cache
def tracked() -> list[Path]:
    """Every file that belongs to the project: known to git, or new and not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    return sorted(path for name in listed.split("\0") if name and (path := PROJECT / name).is_file())


@functools.cache
def modules(*, migrations: bool = False) -> list[Module]:
    """Our modules without the tests; migrations only when asked for, and then only they."""
    found = []
    for path in tracked():
        name = path.relative_to(PROJECT).as_posix()
        if name.endswith(".py") and name.startswith(STOREYS) and ("/migrations/" in name) is migrations:
            text = path.read_text()
            found.append(Module(name, text, ast.parse(text)))
    return found


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Every call in a tree."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or attribute; of a call, what is called; empty for anything else."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return f"{dotted(node.value)}.{node.attr}"
        case ast.Call():
            return dotted(node.func)
    return ""

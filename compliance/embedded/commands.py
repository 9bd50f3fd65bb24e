"""The launcher's command line."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from compliance.embedded import bootstrap, cleaning, launcher
from compliance.embedded.places import PROJECT, LauncherError

_DEFAULT_PORT = 8000


def main(arguments: list[str]) -> int:
    """Run one command; a refusal is one message on standard error and exit code 1."""
    options, rest = _parser().parse_known_args(arguments)
    if rest and options.command != "demo":
        print(f"unknown arguments: {' '.join(rest)}", file=sys.stderr)
        return 64
    try:
        return _dispatch(options, arguments, rest)
    except LauncherError as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _dispatch(options: argparse.Namespace, arguments: list[str], rest: list[str]) -> int:
    if options.command == "install":
        bootstrap.install(development=options.dev)
        return 0
    if options.command == "clean":
        cleaning.clean(PROJECT / "var", force=os.environ.get("FORCE") == "1")
        return 0
    bootstrap.install(development=False)
    if options.command == "demo":
        bootstrap.become("compliance.config.demo", rest)
    if not bootstrap.is_inside():
        bootstrap.become("compliance.embedded", arguments)
    return launcher.run(
        launcher.Options(
            var=options.var.resolve(),
            port=options.port,
            demo=not options.no_demo,
            fast=options.test,
            web_workers=options.workers,
        )
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m compliance.embedded", description="Callwarden on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    install = commands.add_parser("install", help="make .venv from the hashed lock file")
    install.add_argument("--dev", action="store_true", help="with what tests and checks need")
    run = commands.add_parser("run", help="start everything and stay in the foreground")
    run.add_argument("--var", type=Path, default=PROJECT / "var", help="folder for everything that is written")
    run.add_argument("--port", type=_port, default=os.environ.get("PORT") or str(_DEFAULT_PORT), help="port of the web")
    run.add_argument("--no-demo", action="store_true", help="make no demo organisation")
    run.add_argument(
        "--test", action="store_true", help="a throw-away instance: faster, and nothing survives a power cut"
    )
    run.add_argument("--workers", type=int, default=2, help="web processes")
    commands.add_parser("demo", help="the main job in the terminal, against a throw-away instance")
    commands.add_parser(
        "clean", help="remove var/ and .venv; refuses where an organisation lives that is not the demo's"
    )
    return parser


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)

"""What the check commands print, and their exit codes (DESIGN section 2)."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandParser

from compliance.disclosure import casefiles, rules
from compliance.disclosure.casefiles import Case, Defaults, Unusable

PASSED, FAILED, REVIEW, USAGE, INTERNAL = 0, 1, 2, 64, 70
_EXCERPT = 160


class _Parser(CommandParser):
    """A parser whose usage errors leave with 64 instead of argparse's 2, which here means `review`."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: error: {message}\n")


class _Guard:
    """Turns what is thrown into exit codes: bad input 64, our own faults 70 with their trace."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Unusable):
            sys.stderr.write(f"error: {error}\n")
            raise SystemExit(USAGE) from error
        if isinstance(error, BrokenPipeError):
            raise SystemExit(INTERNAL) from error
        if isinstance(error, Exception):
            traceback.print_exception(kind, error, trace, file=sys.stderr)
            raise SystemExit(INTERNAL) from error


class CheckCommand(BaseCommand):
    """What both check commands share: no database, no system checks, exit codes of their own."""

    requires_system_checks: list[str] = []
    formats: tuple[str, ...] = ("text", "jsonl")

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Django's parser with our exit code for usage errors."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.__class__ = _Parser
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        """Files, format and what holds where a case does not say."""
        parser.add_argument("files", nargs="*", metavar="FILE", help="files to check; standard input without any")
        parser.add_argument("--format", choices=self.formats, default="text")
        parser.add_argument(
            "--jurisdictions",
            nargs="+",
            action="extend",
            default=[],
            metavar="CODE",
            help="places of caller and operator, for example US-CA,DE; none means unknown",
        )
        parser.add_argument("--language", default="en", help="BCP-47 tag of the language the agent speaks")

    def run_from_argv(self, argv: list[str]) -> None:
        """Run with the exit codes of this command."""
        with _Guard():
            super().run_from_argv(argv)

    def finish(self, verdicts: Iterable[rules.Verdict]) -> NoReturn:
        """Leave with 1 if anything failed, else 2 if anything needs review, else 0."""
        self.stdout.flush()
        found = set(verdicts)
        sys.exit(FAILED if rules.Verdict.FAIL in found else REVIEW if rules.Verdict.REVIEW in found else PASSED)


def sort_arguments(files: Sequence[str], jurisdictions: Sequence[str]) -> tuple[list[str], list[str]]:
    """Files and codes; a file that follows `--jurisdictions US-CA DE` is no code, and is looked for as a file."""
    listed = [code for group in jurisdictions for code in group.split(",")]
    cut = next((at for at, code in enumerate(listed) if not casefiles.is_code(code)), len(listed))
    return [*listed[cut:], *files], listed[:cut]


def defaults(language: str, jurisdictions: Sequence[str]) -> Defaults:
    """The options of a command, checked. Raises Unusable."""
    return Defaults(casefiles.language(language, "--language"), casefiles.codes(jurisdictions, "--jurisdictions"))


def json_line(value: dict[str, object]) -> str:
    """One line of output; escaped where it could not be written as UTF-8 (lone surrogates in the input)."""
    line = json.dumps(value, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return line


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1, columns in code points."""
    line = text.count("\n", 0, offset) + 1
    return line, offset - (text.rfind("\n", 0, offset) + 1) + 1


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    flat = flat if len(flat) <= _EXCERPT else flat[: _EXCERPT - 1] + "…"
    return "".join(char if char.isprintable() else "\ufffd" for char in flat)


def _name(case: Case) -> str:
    source = "stdin" if case.source == casefiles.STDIN else case.source
    named = f" [{case.id}]" if case.line and case.id is not None else ""
    return f"{source}:{case.line}{named}" if case.line else source


def prompt_text(case: Case, result: rules.PromptResult) -> str:
    """One result for people: verdict, why in words, the lines it rests on, the fix."""
    view = result.jurisdiction
    places = ", ".join(view.codes) or "unknown place"
    out = [f"{_name(case)}: {result.verdict.value.upper()} {', '.join(result.reasons)}"]
    out += [f"  {rules.PROMPT_REASONS[reason]}" for reason in result.reasons]
    for label, span, quoted in (
        ("says", result.evidence_span, result.evidence),
        ("but", result.offending_span, result.offending),
    ):
        if span and quoted is not None:
            line, column = position(case.prompt, span.start)
            out.append(f"  line {line}, column {column} {label}: {_excerpt(quoted)}")
    out.append(
        f"  demanded for {places}: {view.demand.replace('_', ' ')}{', with the purpose' if view.purpose else ''}"
    )
    if result.fix:
        out.append(f"  fix: {result.fix}")
        out += [f"    {_edit(case.prompt, edit)}" for edit in result.edits]
    return "\n".join(out) + "\n"


def _edit(text: str, edit: rules.Edit) -> str:
    line, column = position(text, edit.span.start)
    old = _excerpt(text[edit.span.start : edit.span.end])
    if not old:
        return f"line {line}, column {column}: put it in here"
    return f"line {line}, column {column}: {'put it instead of' if edit.text else 'take out'}: {old}"


def transcript_text(case: Case, result: rules.TranscriptResult) -> str:
    """One result for people."""
    out = [f"{_name(case)}: {result.verdict.value.upper()} {', '.join(result.reasons)}"]
    out += [f"  {rules.TRANSCRIPT_REASONS[reason][1]}" for reason in result.reasons]
    if result.disclosure_turn is not None:
        when = (
            "" if result.seconds_to_disclosure is None else f" ({result.seconds_to_disclosure:.1f} s after the start)"
        )
        out.append(
            f"  turn {result.disclosure_turn}{when}: {_excerpt(str(case.turns[result.disclosure_turn].get('content')))}"
        )
    if result.first_personal_data_turn is not None:
        out.append(f"  first personal data: turn {result.first_personal_data_turn}")
    return "\n".join(out) + "\n"

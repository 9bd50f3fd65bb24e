"""The check commands (DESIGN section 2), without a framework: arguments, what is printed, exit codes.

`manage.py check_prompts`, `check_transcripts` and `measure_disclosure` are windows on this, and so is
`python -m compliance.disclosure`, which starts without Django.
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import NoReturn

from compliance.disclosure import casefiles, measuring, reporting, rules, sarif
from compliance.disclosure.casefiles import Case, Defaults, Unusable
from compliance.disclosure.rules import jurisdictions, packs

PASSED, FAILED, REVIEW, USAGE, INTERNAL = 0, 1, 2, 64, 70
_TO_DJANGO = ("--settings", "--pythonpath", "--verbosity")  # taken by manage.py before we are asked


class _Parser(argparse.ArgumentParser):
    """A parser whose usage errors leave with 64 instead of argparse's 2, which here means `review`."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: error: {message}\n")


def _parser(prog: str, description: str) -> _Parser:
    parser = _Parser(prog=prog, description=description, epilog=_EPILOG)
    parser.add_argument("files", nargs="*", metavar="FILE", help="files and folders; standard input without any")
    for option in _TO_DJANGO:
        parser.add_argument(option, help=argparse.SUPPRESS)
    for switch in ("--traceback", "--no-color", "--force-color", "--skip-checks"):
        parser.add_argument(switch, action="store_true", help=argparse.SUPPRESS)
    return parser


_EPILOG = (
    "Exit codes: 0 all pass, 1 some fail, 2 none fails but some need review, 64 unusable input, 70 internal error."
)


def _checking(prog: str, description: str, formats: Sequence[str]) -> _Parser:
    parser = _parser(prog, description)
    parser.add_argument("--format", choices=formats, default="text")
    parser.add_argument(
        "--jurisdictions",
        nargs="+",
        action="extend",
        default=[],
        metavar="CODE",
        help="places of caller and operator, for example US-CA,DE; none means unknown",
    )
    parser.add_argument("--language", default="en", help="BCP-47 tag of the language the agent speaks")
    return parser


def prompts_parser(prog: str) -> _Parser:
    """Options of the check of prompts."""
    words = "Checks that voice-agent prompts tell the caller that the call is recorded."
    return _checking(prog, words, ("text", "jsonl", "sarif"))


def transcripts_parser(prog: str) -> _Parser:
    """Options of the check of calls."""
    words = "Checks transcripts of calls: was the caller told about the recording, in time, and did they agree?"
    return _checking(prog, words, ("text", "jsonl"))


def measure_parser(prog: str) -> _Parser:
    """Options of the measuring."""
    parser = _parser(prog, "Scores the judge on labelled cases, prompts and calls, a JSON object a line.")
    parser.add_argument("--format", choices=("text", "jsonl"), default="text")
    return parser


def check_prompts(parsed: argparse.Namespace) -> int:
    """Read everything, judge everything, then print."""
    files, given = _defaults(parsed)
    cases = casefiles.prompts(files, given, lines=parsed.format == "jsonl")
    judged = [(case, _judge(case)) for case in cases]
    if parsed.format == "sarif":
        _say(json.dumps(sarif.log(judged), indent=2))
    for case, result in judged:
        if parsed.format == "jsonl":
            _say(reporting.json_line(result.as_json(case.id)))
        elif parsed.format == "text":
            _say(reporting.prompt_text(case, result))
    _warn(judged)
    return _code(result.verdict for _, result in judged)


def _warn(judged: Sequence[tuple[Case, rules.PromptResult | rules.TranscriptResult]]) -> None:
    """Name the rows of law that a result rests on and that nobody has looked at for a year."""
    codes = tuple(dict.fromkeys(code for _, result in judged for code in result.jurisdiction.codes))
    for warning in jurisdictions.outdated(codes, datetime.now(UTC).date()):
        sys.stderr.write(f"warning: {warning}\n")


def check_transcripts(parsed: argparse.Namespace) -> int:
    """Read everything, judge everything, then print."""
    files, given = _defaults(parsed)
    judged = [(case, _judge_call(case)) for case in casefiles.transcripts(files, given)]
    for case, result in judged:
        if parsed.format == "jsonl":
            _say(reporting.json_line(result.as_json(case.id)))
        else:
            _say(reporting.transcript_text(case, result))
    _warn(judged)
    return _code(result.verdict for _, result in judged)


def measure(parsed: argparse.Namespace) -> int:
    """Score labelled cases; 0 whatever the figures are."""
    rows = casefiles.labelled(parsed.files)
    try:
        report = measuring.measure(row for _, row in rows)
    except (measuring.Unlabelled, KeyError, TypeError, ValueError) as error:
        raise Unusable(f"not labelled cases: {error}") from error
    _say(json.dumps(measuring.as_json(report)) if parsed.format == "jsonl" else measuring.as_text(report))
    return PASSED


def check_packs(languages: Sequence[str]) -> int:
    """Say what is wrong with some language packs; with all of them where none is named."""
    wrong = 0
    for language in languages or tuple(packs.heads()):
        try:
            faults = packs.check(language)
        except (OSError, ValueError, KeyError) as error:
            raise Unusable(f"{language}: {error}") from error
        wrong += bool(faults)
        _say("\n".join(f"{language}: {fault}" for fault in faults) or f"{language}: sound")
    return FAILED if wrong else PASSED


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _judge(case: Case) -> rules.PromptResult:
    try:
        return rules.judge_prompt(case.prompt, language=case.language, jurisdictions=case.jurisdictions)
    except rules.TextTooLong as error:
        raise Unusable(f"{case.source}{f', line {case.line}' if case.line else ''}: {error}") from error


def _judge_call(case: Case) -> rules.TranscriptResult:
    try:
        return rules.judge_transcript(case.turns, language=case.language, jurisdictions=case.jurisdictions)
    except rules.TooManyTurns as error:
        raise Unusable(f"{case.source}{f', line {case.line}' if case.line else ''}: {error}") from error


def _defaults(parsed: argparse.Namespace) -> tuple[list[str], Defaults]:
    """Files, and what holds where a case does not say. Raises Unusable.

    A file that follows `--jurisdictions US-CA DE` is no code.
    """
    listed = [code for group in parsed.jurisdictions for code in group.split(",")]
    cut = next((at for at, code in enumerate(listed) if not casefiles.is_code(code)), len(listed))
    given = Defaults(
        casefiles.language(parsed.language, "--language"), casefiles.codes(listed[:cut], "--jurisdictions")
    )
    return [*listed[cut:], *parsed.files], given


def _code(verdicts: Iterable[rules.Verdict]) -> int:
    found = set(verdicts)
    return FAILED if rules.Verdict.FAIL in found else REVIEW if rules.Verdict.REVIEW in found else PASSED


_COMMANDS: dict[str, tuple[Callable[[str], _Parser], Callable[[argparse.Namespace], int]]] = {
    "check_prompts": (prompts_parser, check_prompts),
    "check_transcripts": (transcripts_parser, check_transcripts),
    "measure_disclosure": (measure_parser, measure),
}


def parser(command: str, prog: str) -> argparse.ArgumentParser:
    """The options of one of the commands."""
    return _COMMANDS[command][0](prog)


def leave(command: str, arguments: Sequence[str], prog: str) -> NoReturn:
    """Run one of the commands and end the process: bad input with 64, our own faults with 70 and their trace."""
    make, run = _COMMANDS[command]
    _leave(lambda: run(make(prog).parse_args(arguments)))


def _leave(run: Callable[[], int]) -> NoReturn:
    code = INTERNAL
    with _Edge():
        try:
            code = run()
            sys.stdout.flush()
        except Unusable as error:
            sys.stderr.write(f"error: {error}\n")
            code = USAGE
        except BrokenPipeError:
            sys.stderr.close()
    sys.exit(code)


class _Edge:
    """The edge of the process: a fault of ours leaves with a code of its own and its trace."""

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            traceback.print_exception(error)
            sys.exit(INTERNAL)


def main(arguments: Sequence[str]) -> NoReturn:
    """`python -m compliance.disclosure`: prompts by default."""
    prog = "python -m compliance.disclosure"
    for option, command in (("--transcripts", "check_transcripts"), ("--measure", "measure_disclosure")):
        if option in arguments:
            leave(command, [word for word in arguments if word != option], f"{prog} {option}")
    if "--check-pack" in arguments:
        _leave(lambda: check_packs([word for word in arguments if word != "--check-pack"]))
    leave("check_prompts", arguments, prog)

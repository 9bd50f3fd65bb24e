"""`manage.py check_transcripts`: was it said in the call that it is recorded? Needs no database."""

from __future__ import annotations

from typing import Any

from compliance.disclosure import casefiles, reporting, rules
from compliance.disclosure.casefiles import Case, Unusable


class Command(reporting.CheckCommand):
    """Exit 0 all pass, 1 some fail, 2 none fails but some need review, 64 unusable input, 70 internal error."""

    help = "Checks transcripts of calls: was the caller told about the recording, in time, and did they agree?"

    def handle(self, *args: Any, **options: Any) -> None:
        """Read everything, judge everything, then print."""
        files, places = reporting.sort_arguments(options["files"], options["jurisdictions"])
        given = reporting.defaults(options["language"], places)
        cases = casefiles.transcripts(files, given)
        judged = [(case, _judge(case)) for case in cases]
        for case, result in judged:
            if options["format"] == "jsonl":
                self.stdout.write(reporting.json_line(result.as_json(case.id)))
            else:
                self.stdout.write(reporting.transcript_text(case, result))
        self.finish(result.verdict for _, result in judged)


def _judge(case: Case) -> rules.TranscriptResult:
    try:
        return rules.judge_transcript(case.turns, language=case.language, jurisdictions=case.jurisdictions)
    except rules.TooManyTurns as error:
        raise Unusable(f"{case.source}{f', line {case.line}' if case.line else ''}: {error}") from error

"""`manage.py check_prompts`: do prompts disclose that the call is recorded? Needs no database."""

from __future__ import annotations

import json
from typing import Any

from compliance.disclosure import casefiles, reporting, rules, sarif
from compliance.disclosure.casefiles import Case, Unusable


class Command(reporting.CheckCommand):
    """Exit 0 all pass, 1 some fail, 2 none fails but some need review, 64 unusable input, 70 internal error."""

    help = "Checks that voice-agent prompts tell the caller that the call is recorded."
    formats = ("text", "jsonl", "sarif")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read everything, judge everything, then print."""
        files, places = reporting.sort_arguments(options["files"], options["jurisdictions"])
        given = reporting.defaults(options["language"], places)
        cases = casefiles.prompts(files, given, lines=options["format"] == "jsonl")
        judged = [(case, _judge(case)) for case in cases]
        if options["format"] == "sarif":
            self.stdout.write(json.dumps(sarif.log(judged), indent=2))
        for case, result in judged:
            if options["format"] == "jsonl":
                self.stdout.write(reporting.json_line(result.as_json(case.id)))
            elif options["format"] == "text":
                self.stdout.write(reporting.prompt_text(case, result))
        self.finish(result.verdict for _, result in judged)


def _judge(case: Case) -> rules.PromptResult:
    try:
        return rules.judge_prompt(case.prompt, language=case.language, jurisdictions=case.jurisdictions)
    except rules.TextTooLong as error:
        raise Unusable(f"{case.source}{f', line {case.line}' if case.line else ''}: {error}") from error

"""Row: prompts of 500 words judged a second on one core."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from functools import partial

from compliance.disclosure.rules import judge_prompt
from compliance.embedded.places import PROJECT
from tests.bench import clocks
from tests.bench.figures import Figure, at_least
from tests.bench.ground import Ground

WORDS = 500
_CASES = PROJECT / "tests" / "vectors" / "disclosure" / "own_prompts.jsonl"
_Prompt = tuple[str, str, list[str]]
_WORD = re.compile(r"\w+")
_DUTIES = (
    "Ask for the caller's first and last name and repeat it back.",
    "If the caller wants to move an appointment, offer the two next free times and confirm the one that is chosen.",
    "Never give medical or legal advice; offer to have a member of the staff call back instead.",
    "Opening hours are Monday to Friday from eight to six, and Saturday from nine to one.",
    "Speak in short sentences, wait for an answer, and do not read lists of more than three items aloud.",
    "When the caller is upset, say that you understand, and ask what would help most right now.",
    "Parking is behind the building; the entrance on the left has no steps.",
    "Prices start at 49 dollars for a first visit; say that the exact price depends on what is needed.",
    "If you are asked something that is not in these instructions, say so and offer to take a message.",
    "Before you end the call, summarise what was agreed with day, time and place.",
    "Spell unusual names letter by letter, and check the telephone number in groups of three digits.",
    "Do not promise a refund; note the order number and the reason, and say that somebody will answer in two days.",
)


def measure(ground: Ground) -> Iterator[Figure]:
    """Each committed prompt at the head of a long one: verdicts of all kinds, and the fix where one is due."""
    prompts = _prompts(ground.scale.prompts)
    sides: dict[str, clocks.Cost] = {
        "judge": partial(clocks.processor_time, partial(_judge, prompts)),
        "words": partial(clocks.processor_time, lambda: [_WORD.findall(text.casefold()) for text, _, _ in prompts]),
    }
    rounds = clocks.take_turns(sides, max(2, ground.scale.rounds // 2))
    yield Figure(
        what=f"prompts of {WORDS} words audited on one core",
        measured=len(prompts) / rounds.cost("judge"),
        unit="/s",
        baseline=len(prompts) / rounds.cost("words"),
        baseline_is="finding the words of the same texts",
        ratio=rounds.speed("judge", "words"),
        target=at_least(300),
        note="with a proven fix where one is due, which is for most of these; processor time",
    )


def _judge(prompts: list[_Prompt]) -> None:
    for text, language, jurisdictions in prompts:
        judge_prompt(text, language=language, jurisdictions=jurisdictions)


def _prompts(count: int) -> list[_Prompt]:
    """Different ones: a judge that remembers texts gains nothing."""
    draw = random.Random(500)
    cases = [json.loads(line) for line in _CASES.read_text().splitlines()]
    cases = [case for case in cases if case["language"].startswith("en")]
    return [_lengthened(cases[number % len(cases)], draw) for number in range(count)]


def _lengthened(case: dict[str, object], draw: random.Random) -> _Prompt:
    lines = [str(case["prompt"])]
    while sum(len(line.split()) for line in lines) < WORDS:
        lines.append(f"- {draw.choice(_DUTIES)}")
    jurisdictions = case["jurisdictions"]
    assert isinstance(jurisdictions, list)
    return " ".join("\n".join(lines).split(" ")[: WORDS * 2]), str(case["language"]), jurisdictions

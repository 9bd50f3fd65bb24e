"""Prompt against speech: a disclosure that stands in the prompt and was not spoken is a finding of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from accounts.actors import Actor
from compliance.connectors.facts import Message
from compliance.disclosure import rules, speech
from compliance.disclosure.operations import auditing, prompts, rechecking
from tests.cast import Cast
from tests.compliance.disclosure import conftest as room
from tests.compliance.disclosure.conftest import DISCLOSED, SILENT, TOLD, UNTOLD, Hold
from tests.entries import Entries

LATE = (
    Message("assistant", "Hello, how can I help?", 0.0),
    Message("user", "My name is Maria Delgado, born on 4 May 1980.", 4.0),
    Message("assistant", "Thank you. By the way, this call is recorded.", 9.0),
)
MACHINE = (
    Message("assistant", "Hello, this is Juno.", 0.0),
    Message("user", "Hi, you have reached the voicemail of Maria. Please leave a message after the tone.", 2.0),
)
CUT_OFF = (
    Message("assistant", "Hello, please note that this call is being rec-", 0.0),
    Message("user", "My name is Maria Delgado.", 2.0),
    Message("assistant", "Thank you.", 6.5),
)
CALLER_ONLY = (
    Message("assistant", "Hello, how can I help?", 0.0),
    Message("user", "Is this call recorded? My name is Maria Delgado.", 4.0),
    Message("assistant", "How can I help you, Maria?", 9.0),
)


def outcome(messages: Sequence[Message], place: str) -> str:
    turns = [{"role": one.role, "content": one.content, "timestamp": None} for one in messages]
    result = rules.judge_transcript(turns, language="en", jurisdictions=[place])
    return speech.outcome(turns, "en", result)


@pytest.mark.parametrize("place", ["US-CA", "US-TX", "DE"])
@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (TOLD, "spoken"),
        (UNTOLD, "not_spoken"),
        (LATE, "not_spoken"),
        (MACHINE, "unclear"),
        (CUT_OFF, "unclear"),
        (CALLER_ONLY, "unclear"),
        (UNTOLD[1:], "unclear"),  # the agent's side is not in it
    ],
)
def test_only_a_live_call_counts_against_an_agent(place: str, messages: Sequence[Message], expected: str) -> None:
    """Also where no notice is due: the prompt promised one."""
    assert outcome(messages, place) == expected


def test_a_clause_is_read_back_from_its_column() -> None:
    clause = speech.Clause(uuid4(), 12, 345)
    assert speech.Clause.read(str(clause)) == clause
    assert len(str(clause)) <= 64
    assert speech.Clause.read("") is None


@pytest.mark.parametrize(
    ("text", "place", "has_clause"),
    [(DISCLOSED, "US-CA", True), (DISCLOSED, "DE", False), (SILENT, "US-TX", False), (SILENT, "US-CA", False)],
)
def test_only_a_prompt_that_passes_by_disclosing_has_one(text: str, place: str, has_clause: bool) -> None:
    result = rules.judge_prompt(text, language="en", jurisdictions=[place])
    clause = speech.clause_in(uuid4(), result)
    assert (clause is not None) is has_clause
    if clause:
        assert text[clause.start : clause.end] == "This call is recorded for quality purposes."


# --- in the database --------------------------------------------------------------------------------------------------


def submit(cast: Cast, agent: Any, text: str, **context: Any) -> Any:
    prompt = prompts.submit_prompt(actor=cast.engineer.actor, agent=agent.id, text=text, **context).prompt
    auditing.audit_prompt(actor=Actor.scheduler(cast.organisation_id), prompt_id=prompt.id)
    return prompt


def judge(cast: Cast, call_id: UUID) -> Any:
    return auditing.audit_call(actor=Actor.scheduler(cast.organisation_id), call_id=call_id)


def reasons(cast: Cast, call_id: UUID, state: str = "open") -> list[tuple[str, str]]:
    found = room.findings(cast.engineer.actor, audit__call_id=call_id, state=state)
    return [(one.reason, one.verdict) for one in found]


def test_a_clause_that_is_not_spoken_is_a_finding_beside_the_judges_own(
    cast: Cast, agent: Any, held_call: Hold, entries: Entries
) -> None:
    prompt = submit(cast, agent, DISCLOSED)
    call_id = held_call(UNTOLD)
    audit = judge(cast, call_id)
    assert reasons(cast, call_id) == [("missing", "fail"), (speech.NOT_SPOKEN, "fail")]
    assert (audit.verdict, audit.reasons, audit.spoken, audit.clause_of_id) == (
        "fail", ["missing"], "not_spoken", prompt.id,
    )  # fmt: skip
    found = audit.details["speech"]
    assert DISCLOSED[slice(*found["clause"])] == "This call is recorded for quality purposes."
    assert (found["prompt"], found["turn"]) == (str(prompt.id), 0)
    what = entries.of("disclosure.call.judged")[0].fields["what"]
    assert (what["spoken"], what["findings"]) == ("not_spoken", 2)


def test_a_late_one_shows_its_turn(cast: Cast, agent: Any, held_call: Hold) -> None:
    submit(cast, agent, DISCLOSED)
    audit = judge(cast, held_call(LATE))
    assert (audit.reasons, audit.spoken, audit.details["speech"]["turn"]) == (["late"], "not_spoken", 2)


def test_where_no_notice_is_due_it_is_a_review_and_the_call_still_passes(
    cast: Cast, agent: Any, held_call: Hold
) -> None:
    room.describe(cast, agent, ["en-US"], ["US-TX"])
    submit(cast, agent, DISCLOSED)
    call_id = held_call(UNTOLD)
    assert judge(cast, call_id).verdict == "pass"
    assert reasons(cast, call_id) == [(speech.NOT_SPOKEN, "review")]


@pytest.mark.parametrize(("text", "said"), [(DISCLOSED, TOLD), (SILENT, UNTOLD), (DISCLOSED, MACHINE)])
def test_what_was_said_or_not_promised_or_heard_by_nobody_is_none(
    cast: Cast, agent: Any, held_call: Hold, text: str, said: Sequence[Message]
) -> None:
    submit(cast, agent, text)
    call_id = held_call(said)
    judge(cast, call_id)
    assert speech.NOT_SPOKEN not in dict(reasons(cast, call_id))


def test_a_call_is_held_against_the_prompt_of_its_own_time(
    cast: Cast, agent: Any, held_call: Hold, time_machine: Any
) -> None:
    """The first text goes and comes back: what was in force between the two is not forgotten."""
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    versions = []
    for day, text in enumerate((DISCLOSED, SILENT, DISCLOSED)):
        time_machine.move_to(start + timedelta(days=day))
        versions.append(submit(cast, agent, text).id)
    assert versions[0] == versions[2] != versions[1]
    held = [
        judge(cast, held_call(UNTOLD, name=f"call_{day}", started_at=start + timedelta(days=day, hours=1)))
        for day in (-1, 0, 1, 2)
    ]
    assert [audit.clause_of_id for audit in held] == [None, *versions]
    assert [audit.spoken for audit in held] == ["", "not_spoken", "", "not_spoken"]


def test_the_platforms_own_version_goes_before_the_time(cast: Cast, agent: Any, held_call: Hold) -> None:
    """A prompt is often pulled after the first calls that were held with it."""
    earlier = datetime.now(UTC) - timedelta(days=3)
    call_id = held_call(UNTOLD, started_at=earlier, agent_version="7")
    assert judge(cast, call_id).clause_of_id is None
    prompt = submit(cast, agent, DISCLOSED, agent_version="7")
    submit(cast, agent, SILENT, agent_version="8")
    assert judge(cast, call_id).clause_of_id == prompt.id


# --- when it is known later -------------------------------------------------------------------------------------------


def recheck(cast: Cast) -> int:
    return rechecking.recheck(actor=Actor.scheduler(cast.organisation_id))


def test_a_prompt_that_is_judged_after_its_calls_is_caught_by_the_recheck(
    cast: Cast, agent: Any, held_call: Hold, jobs: Any
) -> None:
    prompts.submit_prompt(actor=cast.engineer.actor, agent=agent.id, text=DISCLOSED)
    call_id = held_call(UNTOLD)
    assert room.work("disclosure.audit_call", call_id)
    assert reasons(cast, call_id) == [("missing", "fail")]
    jobs.drain()
    assert recheck(cast) == 1
    jobs.drain()
    assert reasons(cast, call_id) == [("missing", "fail"), (speech.NOT_SPOKEN, "fail")]
    assert recheck(cast) == 0


def test_a_finding_goes_when_the_clause_does_not_hold_any_more(
    cast: Cast, agent: Any, held_call: Hold, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = submit(cast, agent, DISCLOSED)
    call_id = held_call(UNTOLD)
    judge(cast, call_id)
    monkeypatch.setattr(speech, "clause_in", lambda *_: None)  # other rules, to whom it is no disclosure
    monkeypatch.setattr(rules, "JUDGING_VERSION", "9-000000000000")
    assert auditing.audit_prompt(actor=cast.engineer.actor, prompt_id=prompt.id).clause == ""
    judge(cast, call_id)
    assert reasons(cast, call_id) == [("missing", "fail")]
    assert (speech.NOT_SPOKEN, "fail") in reasons(cast, call_id, "resolved")

"""Prompts and calls are judged, and what is kept of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from accounts import tenancy
from accounts.actors import Actor
from compliance.connectors import access as agents
from compliance.connectors.facts import Rank
from compliance.disclosure import access, rules, tasks
from compliance.disclosure.models import PromptVersion
from compliance.disclosure.operations import auditing, checking, findings, prompts, rechecking
from compliance.disclosure.submissions import Context, Submission
from compliance.errors import Conflict, Gone, Invalid, NotAllowed, NotFound
from compliance.recordings.operations import erasing
from compliance.vault import scopes, store
from tests.cast import Cast
from tests.compliance.disclosure import conftest as room
from tests.compliance.disclosure.conftest import BARE, DISCLOSED, HIDDEN, SILENT, TOLD, UNTOLD, Hold
from tests.entries import Entries

TABLES = ("disclosure_promptversion", "disclosure_disclosureaudit", "disclosure_finding", "vault_sealedobject")


def submit(cast: Cast, agent: Any, text: str, **context: Any) -> PromptVersion:
    return prompts.submit_prompt(actor=cast.engineer.actor, agent=agent.id, text=text, **context).prompt


def judge(cast: Cast, prompt: PromptVersion) -> Any:
    return auditing.audit_prompt(actor=Actor.scheduler(cast.organisation_id), prompt_id=prompt.id)


def dump(cast: Cast) -> bytes:
    """Everything that stands in this room's rows, as the database gives it."""
    with tenancy.scope(cast.organisation_id), connection.cursor() as cursor:
        pieces = []
        for table in TABLES:
            cursor.execute(f"SELECT * FROM {table}")
            for row in cursor.fetchall():
                pieces += [bytes(v) if isinstance(v, bytes | memoryview) else repr(v).encode() for v in row]
    return b"\n".join(pieces)


# --- prompts ----------------------------------------------------------------------------------------------------------


def test_a_prompt_is_a_version_with_the_agents_own_language_and_places(
    cast: Cast, agent: Any, jobs: Any, entries: Entries
) -> None:
    found = prompts.submit_prompt(actor=cast.engineer.actor, agent="agent_frontdesk", text=DISCLOSED)
    prompt = found.prompt
    assert found.is_new
    assert (prompt.agent_id, prompt.number, prompt.language, prompt.jurisdictions) == (agent.id, 1, "en-US", ["US-CA"])
    assert prompt.submitted_by == cast.engineer.actor.reference
    assert jobs.names == ["disclosure.audit_prompt"]
    assert entries.events == ["disclosure.prompt.submitted"]
    assert entries[0].fields["what"]["characters"] == len(DISCLOSED)
    assert prompts.open_prompt(actor=cast.engineer.actor, prompt_id=prompt.id) == DISCLOSED


def test_the_same_text_is_the_same_version(cast: Cast, agent: Any, entries: Entries) -> None:
    first = submit(cast, agent, DISCLOSED)
    verdict = judge(cast, first)
    written = len(entries)
    again = prompts.submit_prompt(actor=cast.engineer.actor, agent=agent.id, text=DISCLOSED)
    assert (again.prompt.id, again.is_new) == (first.id, False)
    assert judge(cast, again.prompt).id == verdict.id
    assert len(entries) == written


@pytest.mark.parametrize("context", [{"language": "de"}, {"jurisdictions": ["DE"]}])
def test_the_same_text_for_other_callers_is_another_version(cast: Cast, agent: Any, context: dict[str, Any]) -> None:
    submit(cast, agent, DISCLOSED)
    assert submit(cast, agent, DISCLOSED, **context).number == 2


def test_an_earlier_text_that_comes_back_is_in_force_again_and_judged_again(cast: Cast, agent: Any) -> None:
    first, second = submit(cast, agent, SILENT), submit(cast, agent, DISCLOSED)
    old = judge(cast, first)
    assert judge(cast, second).verdict == "pass"
    back = prompts.submit_prompt(actor=cast.officer.actor, agent=agent.id, text=SILENT)
    assert (back.prompt.id, back.is_new) == (first.id, False)
    assert back.prompt.submitted_at > second.submitted_at
    assert judge(cast, back.prompt).id != old.id
    assert [one.state for one in room.findings(cast.engineer.actor)] == ["resolved", "open"]


def test_an_unknown_platform_id_registers_the_agent_and_an_unknown_id_of_ours_does_not(cast: Cast) -> None:
    prompt = prompts.submit_prompt(actor=cast.engineer.actor, agent="agent_new", text=DISCLOSED).prompt
    with tenancy.scope(cast.organisation_id):
        found = agents.agent_named(cast.organisation_id, "agent_new")
    assert (prompt.agent_id, found.connection_id) == (found.id, None)
    for reference in (uuid4(), str(uuid4())):
        with pytest.raises(NotFound):
            prompts.submit_prompt(actor=cast.engineer.actor, agent=reference, text=DISCLOSED)


def test_the_outsider_cannot_name_the_agent_and_the_engineer_can(cast: Cast, agent: Any) -> None:
    with pytest.raises(NotFound):
        prompts.submit_prompt(actor=cast.outsider.actor, agent=agent.id, text=DISCLOSED)
    assert submit(cast, agent, DISCLOSED).number == 1


def test_who_may_submit(cast: Cast, agent: Any, entries: Entries) -> None:
    for actor in (cast.auditor.actor, cast.colleague.actor):
        with pytest.raises(NotAllowed):
            prompts.submit_prompt(actor=actor, agent=agent.id, text=DISCLOSED)
    assert entries == []
    for actor in (cast.owner.actor, cast.officer.actor, cast.engineer.actor, cast.robot):
        prompts.submit_prompt(actor=actor, agent=agent.id, text=f"{DISCLOSED} {actor.reference}")


@pytest.mark.parametrize("text", ["", "  ", "\ud800", "a" * (rules.MAX_CHARS + 1)])
def test_what_is_no_prompt_changes_nothing(cast: Cast, agent: Any, text: str, jobs: Any, entries: Entries) -> None:
    with pytest.raises(Invalid):
        submit(cast, agent, text)
    assert (jobs.names, entries) == ([], [])
    with tenancy.scope(cast.organisation_id):
        assert not access.prompts(cast.organisation_id).exists()


# --- judging prompts --------------------------------------------------------------------------------------------------


def test_the_job_judges_it_once(cast: Cast, agent: Any, jobs: Any, entries: Entries) -> None:
    prompt = submit(cast, agent, DISCLOSED)
    assert jobs.drain() == ["disclosure.audit_prompt"]
    tasks.audit_prompt(cast.organisation_id, prompt.id)
    (audit,) = room.audits(cast.engineer.actor, prompt=prompt)
    assert (audit.verdict, audit.reasons, audit.rulebook) == ("pass", ["disclosed"], rules.RULEBOOK_VERSION)
    assert room.findings(cast.engineer.actor) == []
    assert entries.events == ["disclosure.prompt.submitted", "disclosure.prompt.judged"]
    judged = entries[1].fields
    assert judged["obj"] == ("prompt", prompt.id)
    assert (judged["what"]["verdict"], judged["what"]["reason"], judged["what"]["findings"]) == ("pass", "disclosed", 0)


@pytest.mark.parametrize(
    ("text", "place", "verdict", "expected"),
    [
        (SILENT, "US-CA", "fail", [("missing", "fail")]),
        (BARE, "DE", "fail", [("consent_not_requested", "fail"), ("purpose_missing", "review")]),
        (HIDDEN, "US-CA", "fail", [("negated", "fail"), ("concealed", "fail")]),
        (SILENT, "US-TX", "pass", []),
    ],
)
def test_each_reason_is_a_finding(
    cast: Cast, agent: Any, text: str, place: str, verdict: str, expected: list[tuple[str, str]]
) -> None:
    audit = judge(cast, submit(cast, agent, text, jurisdictions=[place]))
    assert audit.verdict == verdict
    found = room.findings(cast.engineer.actor, audit=audit)
    assert [(one.reason, one.verdict) for one in found] == expected
    assert {one.state for one in found} <= {"open"}


@pytest.mark.parametrize("text", [DISCLOSED, SILENT, BARE, HIDDEN])
@pytest.mark.parametrize("place", ["US-CA", "US-TX", "DE"])
def test_an_unknown_language_never_passes(cast: Cast, agent: Any, text: str, place: str) -> None:
    room.describe(cast, agent, [], [place])
    prompt = submit(cast, agent, text)
    assert prompt.language == "und"
    assert judge(cast, prompt).verdict == "review"


def test_a_rule_that_changed_judges_again_and_supersedes_the_open_findings(
    cast: Cast, agent: Any, monkeypatch: pytest.MonkeyPatch, entries: Entries
) -> None:
    prompt = submit(cast, agent, HIDDEN)
    first = judge(cast, prompt)
    resolved, _ = room.findings(cast.engineer.actor)
    findings.resolve_finding(actor=cast.engineer.actor, finding_id=resolved.id, resolution="accepted")
    monkeypatch.setattr(rules, "RULEBOOK_VERSION", "2-0123456789ab")
    monkeypatch.setattr(rules, "JUDGING_VERSION", "2-0123456789ab")
    second = judge(cast, prompt)
    assert (first.id != second.id, second.rulebook) == (True, "2-0123456789ab")
    states = [(one.reason, one.state, one.resolution) for one in room.findings(cast.engineer.actor)]
    assert states == [
        ("negated", "resolved", "accepted"),
        ("concealed", "resolved", "superseded"),
        ("negated", "open", ""),
        ("concealed", "open", ""),
    ]
    assert entries[-1].fields["what"]["superseded"] == 1


def test_a_rulebook_without_a_letter_can_be_logged(
    cast: Cast, agent: Any, monkeypatch: pytest.MonkeyPatch, entries: Entries
) -> None:
    monkeypatch.setattr(rules, "RULEBOOK_VERSION", "1-012345678901")
    judge(cast, submit(cast, agent, DISCLOSED))
    assert entries[-1].fields["what"]["rulebook"] == "rules-1-012345678901"


def test_a_destroyed_prompt_is_not_judged(cast: Cast, agent: Any) -> None:
    prompt = submit(cast, agent, DISCLOSED)
    with tenancy.scope(cast.organisation_id):
        scope = access.prompt_scope(prompt.id)
        store.begin_destruction(cast.organisation_id, [scope], ground="test", cause=uuid4())
    with pytest.raises(Gone):
        judge(cast, prompt)
    assert room.audits(cast.engineer.actor) == []


# --- judging calls ----------------------------------------------------------------------------------------------------


def audit_call(cast: Cast, call_id: UUID) -> Any:
    return auditing.audit_call(actor=Actor.scheduler(cast.organisation_id), call_id=call_id)


def test_a_transcript_that_arrives_is_judged(cast: Cast, held_call: Hold, jobs: Any, entries: Entries) -> None:
    call_id = held_call(TOLD)
    assert "disclosure.audit_call" in jobs.names
    assert room.work("disclosure.audit_call", call_id)
    assert "disclosure.audit_call" not in jobs.names
    (audit,) = room.audits(cast.engineer.actor, call_id=call_id)
    assert (audit.verdict, audit.reasons, audit.language, audit.jurisdictions) == (
        "pass", ["disclosed"], "en-US", ["US-CA"],
    )  # fmt: skip
    assert (audit.details["disclosure_turn"], audit.details["first_personal_data_turn"]) == (0, 1)
    (entry,) = entries.of("disclosure.call.judged")
    assert entry.fields["obj"] == ("call", call_id)
    assert entry.fields["what"]["transcript"] == str(audit.artifact_id)


def test_an_untold_caller_is_a_finding_and_asking_again_is_none(cast: Cast, held_call: Hold, entries: Entries) -> None:
    call_id = held_call(UNTOLD)
    assert audit_call(cast, call_id).id == audit_call(cast, call_id).id
    assert [(one.reason, one.verdict) for one in room.findings(cast.engineer.actor)] == [("missing", "fail")]
    assert len(entries.of("disclosure.call.judged")) == 1


def test_the_callers_place_counts(cast: Cast, agent: Any, held_call: Hold) -> None:
    audit = audit_call(cast, held_call(TOLD, phone_number="+4915112345678"))
    assert audit.jurisdictions == ["US-CA", "DE"]
    assert audit.reasons == ["consent_not_requested", "purpose_missing"]


def test_a_call_in_an_unknown_language_never_passes(cast: Cast, agent: Any, held_call: Hold) -> None:
    for languages in ([], ["en", "de"]):
        room.describe(cast, agent, languages, ["US-CA"])
        audit = audit_call(cast, held_call(TOLD, name=f"call_{len(languages)}"))
        assert (audit.language, audit.verdict) == ("und", "review")


def test_a_new_transcript_is_judged_anew(cast: Cast, held_call: Hold) -> None:
    call_id = held_call(UNTOLD)
    first = audit_call(cast, call_id)
    assert held_call(TOLD, rank=Rank.POLLED) == call_id
    second = audit_call(cast, call_id)
    assert (first.verdict, second.verdict) == ("fail", "pass")
    assert first.artifact_id != second.artifact_id
    assert [one.resolution for one in room.findings(cast.engineer.actor)] == ["superseded"]


def test_an_erased_call_has_nothing_to_audit(cast: Cast, held_call: Hold, jobs: Any, entries: Entries) -> None:
    call_id = held_call(UNTOLD)
    with tenancy.scope(cast.organisation_id):
        erasing.mark_call_erasing(erasing.lock_call(cast.organisation_id, call_id))
    assert room.work("disclosure.audit_call", call_id)  # refused, and done with
    assert "disclosure.audit_call" not in jobs.names
    with pytest.raises(Gone):
        audit_call(cast, call_id)
    assert (room.audits(cast.engineer.actor), entries.of("disclosure.call.judged")) == ([], [])


def test_a_call_without_words_is_not_judged(cast: Cast, held_call: Hold) -> None:
    with pytest.raises(NotFound) as refused:
        audit_call(cast, held_call(()))
    assert refused.value.code == "no_transcript"


def test_the_engineer_may_not_open_a_call_by_judging_it(cast: Cast, held_call: Hold) -> None:
    call_id = held_call(UNTOLD)
    for actor in (cast.engineer.actor, cast.auditor.actor):
        with pytest.raises(NotAllowed):
            auditing.audit_call(actor=actor, call_id=call_id)
    with pytest.raises(NotFound):
        auditing.audit_call(actor=cast.outsider.actor, call_id=call_id)
    assert auditing.audit_call(actor=cast.officer.actor, call_id=call_id).verdict == "fail"


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_no_word_stands_in_any_row_or_entry(cast: Cast, agent: Any, held_call: Hold, entries: Entries) -> None:
    prompt = submit(cast, agent, HIDDEN)
    judge(cast, prompt)
    audit_call(cast, held_call(UNTOLD))
    finding = room.findings(cast.engineer.actor)[0]
    note = "Talked to Quentin about it"
    findings.resolve_finding(actor=cast.engineer.actor, finding_id=finding.id, resolution="accepted", note=note)
    kept = dump(cast) + repr([entry.fields for entry in entries]).encode()
    for word in (b"caller asks", b"Never mention", b"Delgado", b"how can I help", b"Quentin"):
        assert word not in kept
    assert prompts.open_prompt(actor=cast.engineer.actor, prompt_id=prompt.id) == HIDDEN
    assert findings.open_note(actor=cast.engineer.actor, finding_id=finding.id) == note


@pytest.mark.parametrize("table", TABLES[:3])
def test_the_database_itself_shows_rows_to_their_organisation_only(cast: Cast, agent: Any, table: str) -> None:
    judge(cast, submit(cast, agent, SILENT))
    seen = []
    for organisation_id in (cast.organisation_id, cast.other_organisation.id):
        with tenancy.scope(organisation_id), connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table}")
            seen.append(cursor.fetchone()[0])
    assert seen == [1, 0]


# --- findings ---------------------------------------------------------------------------------------------------------


def test_resolving_leaves_the_verdict(cast: Cast, agent: Any, entries: Entries) -> None:
    audit = judge(cast, submit(cast, agent, SILENT))
    (finding,) = room.findings(cast.engineer.actor)
    done = findings.resolve_finding(actor=cast.engineer.actor, finding_id=finding.id, resolution="false_alarm")
    assert (done.state, done.resolution, done.resolved_by) == (
        "resolved", "false_alarm", cast.engineer.actor.reference,
    )  # fmt: skip
    assert done.resolved_at is not None
    assert room.audits(cast.engineer.actor)[0].verdict == audit.verdict == "fail"
    assert entries.events[-1] == "disclosure.finding.resolved"
    assert entries[-1].fields["what"]["resolution"] == "false_alarm"
    assert findings.open_note(actor=cast.engineer.actor, finding_id=finding.id) == ""
    with pytest.raises(Conflict):
        findings.resolve_finding(actor=cast.engineer.actor, finding_id=finding.id, resolution="fixed")


def test_who_may_resolve(cast: Cast, agent: Any) -> None:
    judge(cast, submit(cast, agent, SILENT))
    (finding,) = room.findings(cast.engineer.actor)

    def resolve(actor: Actor) -> Any:
        return findings.resolve_finding(actor=actor, finding_id=finding.id, resolution="accepted")

    for actor in (cast.auditor.actor, cast.colleague.actor, cast.robot):
        with pytest.raises(NotAllowed):
            resolve(actor)
    with pytest.raises(NotFound):
        resolve(cast.outsider.actor)
    assert resolve(cast.officer.actor).state == "resolved"


@pytest.mark.parametrize(
    ("resolution", "note", "field"),
    [
        ("superseded", "", "resolution"),
        ("ignored", "", "resolution"),
        ("fixed", "a" * 4001, "note"),
        ("fixed", "\udfff", "note"),
    ],
)
def test_a_finding_is_not_resolved_by_nonsense(cast: Cast, agent: Any, resolution: str, note: str, field: str) -> None:
    judge(cast, submit(cast, agent, SILENT))
    (finding,) = room.findings(cast.engineer.actor)
    with pytest.raises(Invalid) as refused:
        findings.resolve_finding(actor=cast.engineer.actor, finding_id=finding.id, resolution=resolution, note=note)
    assert list(refused.value.errors) == [field]
    assert room.findings(cast.engineer.actor)[0].state == "open"


def test_a_note_about_a_call_ends_with_the_call(cast: Cast, held_call: Hold) -> None:
    call_id = held_call(UNTOLD)
    audit_call(cast, call_id)
    (finding,) = room.findings(cast.engineer.actor)
    findings.resolve_finding(actor=cast.officer.actor, finding_id=finding.id, resolution="accepted", note="Ms Delgado")
    assert findings.open_note(actor=cast.officer.actor, finding_id=finding.id) == "Ms Delgado"
    with tenancy.scope(cast.organisation_id):
        store.begin_destruction(cast.organisation_id, [scopes.call(call_id, ())], ground="test", cause=uuid4())
    with pytest.raises(Gone):
        findings.open_note(actor=cast.officer.actor, finding_id=finding.id)


# --- checks -----------------------------------------------------------------------------------------------------------


def test_a_check_keeps_nothing_but_one_entry(cast: Cast, agent: Any, jobs: Any, entries: Entries) -> None:
    before = dump(cast)
    context = Context("en-US", ("US-CA",))
    result = checking.check_prompt(actor=cast.auditor.actor, submission=Submission(SILENT, context))
    turns = [{"role": "assistant", "content": "Hello, this is Juno.", "timestamp": 0}]
    spoken = checking.check_transcript(actor=cast.robot, turns=turns, context=context)
    assert (result.reasons, spoken.reasons) == (("missing",), ("missing",))
    assert entries.events == ["disclosure.text.checked"] * 2
    assert [entry.fields["what"]["kind"] for entry in entries] == ["prompt", "transcript"]
    assert "Juno" not in repr(entries)
    assert "account number" not in repr(entries)
    assert (dump(cast), jobs.names) == (before, [])


def test_more_turns_than_the_judge_reads_are_refused(cast: Cast, entries: Entries) -> None:
    turns = [{"role": "user", "content": "a", "timestamp": None}] * 20_001
    with pytest.raises(Invalid):
        checking.check_transcript(actor=cast.robot, turns=turns, context=Context("en", ()))
    assert entries == []


# --- the sweep --------------------------------------------------------------------------------------------------------


def recheck(cast: Cast) -> int:
    return rechecking.recheck(actor=Actor.scheduler(cast.organisation_id))


def test_the_sweep_asks_for_what_new_rules_have_not_judged(
    cast: Cast, agent: Any, held_call: Hold, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    superseded = submit(cast, agent, SILENT)
    prompt, call_id = submit(cast, agent, DISCLOSED), held_call(UNTOLD)
    judge(cast, superseded)
    judge(cast, prompt)
    audit_call(cast, call_id)
    assert recheck(cast) == 0
    monkeypatch.setattr(rules, "RULEBOOK_VERSION", "2-0123456789ab")
    monkeypatch.setattr(rules, "JUDGING_VERSION", "2-0123456789ab")
    assert recheck(cast) == 2
    assert room.work("disclosure.audit_prompt", prompt.id)
    assert room.work("disclosure.audit_call", call_id)
    assert recheck(cast) == 0
    books = [audit.rulebook for audit in room.audits(cast.engineer.actor, prompt=superseded)]
    assert books == [rules.packs.RULEBOOK_VERSION]  # not in force any more


def test_the_sweep_asks_for_calls_whose_agent_changed(cast: Cast, agent: Any, held_call: Hold) -> None:
    call_id = held_call(TOLD)
    audit_call(cast, call_id)
    assert recheck(cast) == 0
    room.describe(cast, agent, ["en-US"], ["US-CA", "DE"])
    assert recheck(cast) == 1
    assert audit_call(cast, call_id).verdict == "fail"
    assert recheck(cast) == 0


def test_the_sweep_walks_through_every_batch(
    cast: Cast, agent: Any, held_call: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rechecking, "BATCH", 2)
    for number in range(5):
        held_call(UNTOLD, name=f"call_{number}")
    assert recheck(cast) == 5


def test_the_sweep_leaves_erased_calls_and_other_organisations_alone(cast: Cast, held_call: Hold, jobs: Any) -> None:
    call_id = held_call(UNTOLD)
    assert rechecking.recheck(actor=Actor.scheduler(cast.other_organisation.id)) == 0
    with tenancy.scope(cast.organisation_id):
        erasing.mark_call_erasing(erasing.lock_call(cast.organisation_id, call_id))
    tasks.sweep()
    assert recheck(cast) == 0

"""Checks of texts that are not kept: for build pipelines, and for whoever writes a prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance.disclosure import events, judgements, rules, standing, submissions
from compliance.disclosure.judgements import Judgement
from compliance.disclosure.rules.jurisdictions import Overrides
from compliance.disclosure.submissions import Context, Submission
from compliance.errors import Invalid


def check_prompt(*, actor: Actor, submission: Submission) -> rules.PromptResult:
    """Judge a prompt of a build pipeline, under the overrides of its organisation. Nothing of it is kept."""
    access.require(actor, "disclosure.check")
    context = submission.context
    result = rules.judge_prompt(
        submission.text,
        language=context.language,
        jurisdictions=context.jurisdictions,
        overrides=_overrides(actor),
    )
    _note_check(actor, context, judgements.of_prompt(result), {"kind": "prompt", "characters": len(submission.text)})
    return result


def check_transcript(*, actor: Actor, turns: Sequence[Mapping[str, Any]], context: Context) -> rules.TranscriptResult:
    """Judge turns (`role`, `content`, `timestamp`) that somebody brings along. Raises Invalid for too many."""
    access.require(actor, "disclosure.check")
    submissions.check_turns(turns)
    try:
        result = rules.judge_transcript(
            turns, language=context.language, jurisdictions=context.jurisdictions, overrides=_overrides(actor)
        )
    except rules.TooManyTurns as error:
        raise Invalid("The call is too long", errors={"transcription": [f"{error}."]}) from error
    _note_check(actor, context, judgements.of_transcript(result), {"kind": "transcript", "turns": len(turns)})
    return result


def _overrides(actor: Actor) -> Overrides:
    with tenancy.scope(actor.organisation_id):
        return standing.decided(actor.organisation_id).overrides


def _note_check(actor: Actor, context: Context, judged: Judgement, size: dict[str, str | int]) -> None:
    what = judged.codes() | size | {"language": context.language.lower(), "places": len(context.jurisdictions)}
    with tenancy.operation(actor):
        log.append(
            actor=actor,
            event=events.TEXT_CHECKED,
            organisation_id=actor.organisation_id,
            obj=("text", None),
            cls=log.EntryClass.ACCESS,
            what=what,
        )

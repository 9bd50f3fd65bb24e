"""The judge of calls: labelling policy section 5. What was said counts, never what a prompt asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from compliance.disclosure.rules import jurisdictions as places
from compliance.disclosure.rules import packs as language_packs
from compliance.disclosure.rules import tongues
from compliance.disclosure.rules import turns as spoken
from compliance.disclosure.rules.candidates import is_negative_in
from compliance.disclosure.rules.doors import Memo
from compliance.disclosure.rules.packs import RULEBOOK_VERSION, Pack
from compliance.disclosure.rules.reading import primary
from compliance.disclosure.rules.results import TRANSCRIPT_REASONS, JurisdictionView, TranscriptResult, worst
from compliance.disclosure.rules.turns import Turn

SLOW_AFTER_SECONDS = 30.0
MAX_TURNS = 20_000
MAX_CALL_CHARS = 1_000_000


class TooManyTurns(ValueError):
    """The transcript has more than MAX_TURNS turns or MAX_CALL_CHARS code points and was not read."""


@dataclass(slots=True)
class Heard:
    """What the turns hold, by position in the list of spoken turns."""

    turns: list[Turn]
    packs: tuple[Pack, ...]
    language: str
    memo: Memo
    clear: list[tuple[int, str]] = field(default_factory=list)  # position, language
    unclear: list[int] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    denials: list[int] = field(default_factory=list)
    asked_by_caller: list[int] = field(default_factory=list)
    objections: list[int] = field(default_factory=list)
    personal: int | None = None

    def has(self, rule: str, position: int) -> bool:
        """Whether a rule of any pack matches a turn: its struck words, or all a caller said."""
        return self.turns[position].has(rule)

    def cut_off(self, position: int) -> bool:
        """Whether a turn breaks off where it would say that the call is recorded."""
        turn = self.turns[position]
        return any(pack.rule("caller.cut_at").search(turn.text) for pack in turn.packs)

    def agent_before(self, position: int) -> Turn | None:
        """The agent's turn that the caller answers."""
        return next((turn for turn in reversed(self.turns[:position]) if turn.agent), None)

    def caller_after(self, position: int) -> list[int]:
        """Positions of the caller's turns after a position."""
        return [i for i in range(position + 1, len(self.turns)) if not self.turns[i].agent]

    def agents_after(self, position: int) -> list[int]:
        """Positions of the agent's turns after a position."""
        return [i for i in range(position + 1, len(self.turns)) if self.turns[i].agent]


def _listen(raw: Sequence[Mapping[str, Any]], language: str) -> Heard:
    read, packs, memo = spoken.read(raw, language)
    heard = Heard(read, packs, language, memo)
    for position, turn in enumerate(heard.turns):
        if turn.agent:
            _agent_turn(heard, position)
        else:
            _caller_turn(heard, position)
    return heard


def _joined(heard: Heard, position: int) -> str:
    """A turn, with the fragment before it where one speaker's sentence spans two turns."""
    words = heard.turns[position].words
    if (
        position
        and heard.turns[position - 1].agent
        and not re.search(r"[.!?…—–\-\]]\s*$", heard.turns[position - 1].words)
    ):
        return heard.turns[position - 1].words[-160:] + " " + words
    return words


def _clear_language(heard: Heard, text: str) -> str | None:
    own = tongues.of_text(text, heard.language, heard.packs)
    ordered = (*own, *(other for other in heard.packs if other not in own))
    for pack in ordered if heard.memo.opens("clear.frames", text) else ():
        if pack.rule("strike.other_call").search(text):
            continue
        for match in pack.rule("clear.frames").finditer(text):
            if not is_negative_in((pack,), text, match):
                return pack.language
    for hint in language_packs.foreign_hints():
        said = hint.record.search(text) if heard.memo.opens(f"foreign.{hint.language}", text) else None
        if said is not None and not hint.negation.search(text[max(0, said.start() - 40) : said.end() + 25]):
            return hint.language
    return None


def _agent_turn(heard: Heard, position: int) -> None:
    text = _joined(heard, position)
    asked = position > 0 and position - 1 in heard.asked_by_caller and heard.has("caller.question", position - 1)
    honouring = bool(heard.objections) and heard.has("consent.honoured", position)
    if not honouring and (
        heard.has("denial.frames", position)
        or (asked and heard.has("caller.no", position))
        or heard.has("denial.spoken", position)
    ):
        heard.denials.append(position)
        return
    language = _clear_language(heard, text) if not honouring else None
    if language is None and asked and heard.has("caller.yes", position):
        language = heard.language
    if language is not None:
        heard.clear.append((position, language))
    elif heard.has("caller.cut_subject", position) and heard.cut_off(position):
        heard.cut.append(position)
    elif heard.has("unclear.frames", position) or heard.has("unclear.bare_purpose", position):
        heard.unclear.append(position)


def _caller_turn(heard: Heard, position: int) -> None:
    turn = heard.turns[position]
    if heard.personal is None and spoken.gives_personal_data(turn, heard.agent_before(position)):
        heard.personal = position
    if heard.has("caller.objection", position) or _refuses(heard, position):
        heard.objections.append(position)
    elif heard.has("caller.speaks_of_recording", position):
        heard.asked_by_caller.append(position)


def _refuses(heard: Heard, position: int) -> bool:
    """A plain no to the question whether the call may be recorded, or right after being told."""
    if not position or not heard.turns[position - 1].agent:
        return False
    told = bool(heard.clear) and heard.clear[-1][0] == position - 1
    questioned = told and heard.has("consent.question", position - 1) and not heard.has("caller.minding", position - 1)
    return told and ((questioned and heard.has("caller.no", position)) or heard.has("caller.no_to_that", position))


# findings ----------------------------------------------------------------------------------------------------------


def _seconds(heard: Heard, position: int) -> float | None:
    start, at = heard.turns[0].at, heard.turns[position].at
    return None if start is None or at is None else round(at - start, 1)


def _nobody_there(heard: Heard) -> bool:
    callers = [i for i, turn in enumerate(heard.turns) if not turn.agent]
    if callers:
        return all(heard.has("caller.machine", position) for position in callers)
    return bool(heard.turns) and any(heard.has("caller.nobody", position) for position in range(len(heard.turns)))


def _undisclosed(heard: Heard) -> tuple[str, int | None]:
    if heard.cut:
        return "cut_off", heard.cut[0]
    if heard.unclear:
        return "ambiguous", heard.unclear[0]
    if heard.asked_by_caller or heard.objections:
        return "caller_only", None
    return ("ai_only", None) if _told_of_ai(heard) else ("missing", None)


def _told_of_ai(heard: Heard) -> bool:
    """At the first interaction: in one of the agent's first two turns."""
    agents = [position for position, turn in enumerate(heard.turns) if turn.agent][:2]
    return any(heard.has("ai.yes", position) for position in agents)


def _ai_label(heard: Heard) -> str:
    agents = (position for position, turn in enumerate(heard.turns) if turn.agent)
    if any(heard.has("ai.denied_plain", position) for position in agents):
        return "denied"
    return "yes" if _told_of_ai(heard) else "no"


def _own_language(heard: Heard) -> tuple[list[int], bool]:
    """Clear disclosures in the call's language, and whether all are in another."""
    own = [position for position, language in heard.clear if language == heard.language]
    return own, bool(heard.clear) and not own


def _timing(heard: Heard, told: int) -> str | None:
    if heard.personal is not None and heard.personal < told:
        return "late"
    waited = _seconds(heard, told)
    return "slow" if waited is not None and waited > SLOW_AFTER_SECONDS else None


def _consent(heard: Heard, told: int) -> str | None:
    """What is wrong with the caller's yes, in places that demand one."""
    questions = [
        p
        for p in [told, *heard.agents_after(told)]
        if heard.has("consent.question", p) and (p == told or heard.has("denial.topic", p))
    ]
    if not questions:
        return "consent_not_requested"
    unclear = False
    for question in questions:
        answers = heard.caller_after(question)[:1]
        for position in answers:
            minding = heard.has("caller.minding", question)
            agreed = heard.has("caller.no" if minding else "caller.yes", position)
            if agreed and not heard.has("caller.hedge", position):
                return None
            unclear = unclear or heard.has("caller.hedge", position)
    return "consent_unclear" if unclear else "consent_not_obtained"


def _newcomer(heard: Heard, told: int) -> bool:
    """Someone joins after the disclosure and is not told."""
    for position in heard.caller_after(told):
        if not heard.has("caller.handover", position):
            continue
        later = heard.caller_after(position)
        retold = any(p > position for p, _ in heard.clear)
        if later and not retold:
            return True
    return False


def _objection(heard: Heard) -> list[str]:
    """Whether every objection was honoured: decided by the agent's next words."""
    for position in heard.objections:
        for reply in heard.agents_after(position)[:1]:
            if not heard.has("consent.honoured", reply) or heard.has("consent.false_assurance", reply):
                return ["objection_ignored", "objection"]
    return ["objection", "objection_honored"]


def _judge(heard: Heard, view: JurisdictionView) -> tuple[list[str], int | None]:
    own, foreign_only = _own_language(heard)
    told = heard.clear[0][0] if heard.clear else None
    if heard.denials:
        return ["negated", *(_objection(heard) if heard.objections else [])], told
    objection = _objection(heard) if heard.objections else []
    if told is None:
        reason, turn = _undisclosed(heard)
        return [reason, *objection], turn
    if foreign_only:
        return ["wrong_language", *objection], told
    fault = _timing(heard, own[0])
    if fault:
        return [fault, *objection], told
    beside = []
    if view.demand == places.EXPRESS and not objection:
        consent = _consent(heard, own[0])
        beside += [consent] if consent else []
    if not beside and not objection and _newcomer(heard, own[0]):
        beside.append("new_participant")
    if view.purpose and not _purpose(heard, own[0]):
        beside.append("purpose_missing")
    return ([*objection, *beside] or ["disclosed"]), told


def _purpose(heard: Heard, told: int) -> bool:
    text = heard.turns[told].text
    return any(
        pack.rule("clear.purpose_words").search(part)
        for pack in heard.turns[told].packs
        for part in re.split(r"(?<=[.!])\s", text)
        if "?" not in part or pack.rule("clear.frames").search(part)
    )


def _one_party(reasons: list[str]) -> list[str]:
    kept = [
        reason
        for reason in reasons
        if reason in ("negated", "objection", "objection_honored", "objection_ignored", "disclosed")
    ]
    return kept or ["not_required"]


def judge_transcript(
    turns: Sequence[Mapping[str, Any]],
    *,
    language: str,
    jurisdictions: Sequence[str],
    overrides: places.Overrides = places.NO_OVERRIDES,
) -> TranscriptResult:
    """Judge one call from its turns (`role`, `content`, `timestamp`).

    A language without a pack, and a call without a spoken turn, are `review`, never `pass`.
    Raises TooManyTurns above MAX_TURNS or MAX_CALL_CHARS.
    """
    size = sum(len(content) for turn in turns if isinstance(content := turn.get("content"), str))
    if len(turns) > MAX_TURNS or size > MAX_CALL_CHARS:
        raise TooManyTurns(f"{len(turns)} turns, {size} characters; at most {MAX_TURNS} and {MAX_CALL_CHARS} are read")
    view = places.strictest(jurisdictions, overrides)
    heard = _listen(turns, primary(language))
    if not heard.turns or not language_packs.has_pack(heard.language):
        reasons, told = ["ambiguous"], heard.clear[0][0] if heard.clear else None
    elif _nobody_there(heard):
        reasons, told = ["no_live_caller"], heard.clear[0][0] if heard.clear else None
    else:
        reasons, told = _judge(heard, view)
        if view.demand == places.ONE_PARTY:
            reasons = _one_party(reasons)
    is_live = bool(heard.turns) and language_packs.has_pack(heard.language) and reasons != ["no_live_caller"]
    personal = heard.personal if is_live else None
    objected = heard.objections[0] if heard.objections and reasons != ["no_live_caller"] else None
    return TranscriptResult(
        verdict=worst([TRANSCRIPT_REASONS[reason][0] for reason in reasons]),
        reasons=tuple(reasons),
        jurisdiction=view,
        disclosure_turn=heard.turns[told].index if told is not None else None,
        seconds_to_disclosure=_seconds(heard, told) if told is not None else None,
        first_personal_data_turn=heard.turns[personal].index if personal is not None else None,
        objection_turn=heard.turns[objected].index if objected is not None else None,
        seconds_to_objection=_seconds(heard, objected) if objected is not None else None,
        rulebook=RULEBOOK_VERSION,
        ai_check=places.check_ai(jurisdictions, _ai_label(heard)) if is_live else None,
    )

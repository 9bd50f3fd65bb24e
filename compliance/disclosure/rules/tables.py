"""The tables of a language pack: every rule that the judge asks for, and which of them no pack can be without."""

from __future__ import annotations

_REQUIRED = {
    "clear": "frames topic tell tell_noun told purpose_words",
    "unclear": "frames bare_purpose",
    "denial": "frames topic answer_no bare_no answered_no",
    "forbid": "frames keep dropping",
    "cancel": "part what anaphora shortcut inaudible doubtful early all_calls",
    "condition": "some harmless asked place switch",
    "timing": "first late past open_help identity ask_data data_verb",
    "external": "actor act passive",
    "placeholder": "reference",
    "consent": "question optout refusal objection honoured override carry_on silence",
    "markers": "neg only_just agent_directed caller_signal",
    "strike": "lookalike",
    "ai": "yes topic denied denied_plain tell requested honest",
    "zones": "opening closing example knowledge faq counter rules flow",
    "structure": "step",
    "caller": "yes no hedge objection speaks_of_recording question personal named_question data_question machine "
    "nobody",
}
_OPTIONAL = {
    "clear": "tell_after not_teller told_you you_told hypothetical anaphora object no_purpose",
    "denial": "data_object data_after exempt_before spoken",
    "forbid": "verb hard unless_asked not_ours style heading",
    "cancel": "silent_markup about understood reopen step",
    "condition": "between heading every if_yes willing",
    "timing": "next anaphora ahead",
    "external": "about",
    "placeholder": "name not_name",
    "consent": "false_assurance silence_no",
    "markers": "neg_after neg_tell caller_deixis background",
    "strike": "other_call",
    "zones": "changelog comment disabled template tools languages bilingual speech lead_in",
    "structure": "abbreviation carry_on",
    "evidence": "lead tail announce",
    "caller": "no_to_that minding cut_at cut_subject handover",
    "spelled": "name",
}


def _names(tables: dict[str, str]) -> tuple[str, ...]:
    return tuple(f"{table}.{name}" for table, names in tables.items() for name in names.split())


REQUIRED = _names(_REQUIRED)
KNOWN = frozenset((*REQUIRED, *_names(_OPTIONAL)))
REMEDY = ("notice", "express", "label")
HEAD = frozenset(("language", "common", "everyday", "signs", "empty", "script", "spaced", "misspelt", "spelt"))
LONG = frozenset(f"{table}.frames" for table in ("clear", "unclear", "denial", "forbid")) | {
    "cancel.part",
    "consent.refusal",
    "condition.some",
    "zones.opening",
}
"""Rules of many branches."""

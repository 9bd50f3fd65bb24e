"""Where the ends of a call are, and its labels: what people add to what platforms tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.connectors.facts import CallFacts
from compliance.errors import Gone, Invalid
from compliance.recordings import events, identifiers, places
from compliance.recordings.identifiers import IdentifierError, IdentifierKind
from compliance.recordings.models import Call
from compliance.recordings.operations import concluded, erasing
from compliance.recordings.places import Confidence, End, Placement, Source

MOST_LABELS = 20
_LABEL_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody states of one end: an ISO 3166 place, and on whose word (officer, stated, billing)."""

    end: End
    place: str
    source: Source


def note_placements(call: Call, facts: CallFacts) -> None:
    """Take in what the numbers of both ends say. Called under the call's lock; the caller saves."""
    fresh = places.of_numbers(_e164(facts.phone_number), _e164(facts.our_number))
    call.places = places.to_json(places.merged(places.from_json(call.places), fresh))
    call.place = places.of_caller(places.from_json(call.places)) or call.place


def set_places(*, actor: Actor, call_id: UUID, words: Sequence[Word]) -> Call:
    """State where the ends of a call are. Replaces all that people and billing said before; numbers keep their word.

    What hangs on places is looked at again: dates of disposal, and the audit of the call. Raises Invalid, Gone.
    """
    rights.require(actor, "recordings.describe")
    _check_words(words)
    with tenancy.operation(actor):
        call = _alive(actor, call_id)
        numbers = [one for one in places.from_json(call.places) if one.source is Source.NUMBER]
        call.places = places.to_json(places.merged(numbers, [_placement(word) for word in words]))
        call.place = places.of_caller(places.from_json(call.places))
        call.save(update_fields=["places", "place"])
        what: dict[str, str | int | bool | None] = {"placements": len(words)}
        for word in words:
            what[f"{word.end.value}_{word.source.value}"] = word.place.lower()
        _note(actor, events.CALL_PLACED, call_id, what)
        _look_again(actor, call_id)
    return call


def set_labels(*, actor: Actor, call_id: UUID, labels: Sequence[str]) -> Call:
    """The call's labels, by which schedules and holds may choose it. Replaces all of them. Raises Invalid, Gone."""
    rights.require(actor, "recordings.describe")
    wanted = list(dict.fromkeys(label.strip() for label in labels))
    if len(wanted) > MOST_LABELS or any(not 1 <= len(label) <= _LABEL_LENGTH for label in wanted):
        raise Invalid(
            "These labels cannot be used",
            errors={"labels": [f"At most {MOST_LABELS}, each of 1 to {_LABEL_LENGTH} characters."]},
        )
    with tenancy.operation(actor):
        call = _alive(actor, call_id)
        call.labels = wanted
        call.save(update_fields=["labels"])
        log.append(
            actor=actor,
            event=events.CALL_LABELLED,
            organisation_id=actor.organisation_id,
            obj=("call", call_id),
            cls=log.EntryClass.CHANGE,
            what={"labels": len(wanted)},
            identifying={"labels": wanted},
        )
        jobs.enqueue_on_commit("retention.assign", organisation_id=actor.organisation_id, object_id=call_id)
    return call


def _alive(actor: Actor, call_id: UUID) -> Call:
    call = erasing.lock_call(actor.organisation_id, call_id)
    if call.state != Call.State.ACTIVE:
        raise Gone("This call was erased", code="call_erased")
    return call


def _placement(word: Word) -> Placement:
    return Placement(word.end, word.place, word.source, Confidence.HIGH, f"by_{word.source.value}")


def _check_words(words: Sequence[Word]) -> None:
    errors = []
    for word in words:
        if word.source is Source.NUMBER:
            errors.append("What a number says cannot be stated.")
        elif not places.is_place(word.place):
            errors.append(f"{word.place[:10]} is not a place of ISO 3166, such as DE or US-CA.")
    if len({(word.end, word.source) for word in words}) != len(words):
        errors.append("One place an end and source.")
    if errors:
        raise Invalid("These places cannot be used", errors={"places": errors})


def _look_again(actor: Actor, call_id: UUID) -> None:
    jobs.enqueue_on_commit("retention.assign", organisation_id=actor.organisation_id, object_id=call_id)
    jobs.enqueue_on_commit("disclosure.audit_call", organisation_id=actor.organisation_id, object_id=call_id)
    concluded.ask_for_insights(actor.organisation_id, call_id)


def _e164(number: str | None) -> str | None:
    try:
        return identifiers.normalise(IdentifierKind.PHONE, number) if number else None
    except IdentifierError:
        return None


def _note(actor: Actor, event: str, call_id: UUID, what: dict[str, str | int | bool | None]) -> None:
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("call", call_id),
        cls=log.EntryClass.CHANGE,
        what=what,
    )

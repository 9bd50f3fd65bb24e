"""Deletion at the platforms themselves: an order, then the platform's own proof.

What can go wrong: a "yes" after which the bytes stay; a "not found" that only means that we asked the wrong account; a
deletion that takes the last copy of something that is still to be kept, or that a hold covers; a platform that is asked
while a lock is held; a debt that nobody looks at.

The principle: what may be asked is decided under the call's lock, the platform is asked outside every transaction, and
what it said is written down before anything rests on it. An order proves nothing: only the answer to the question
whether it is gone does, and an address that still answers outweighs it. Killed anywhere, the job begins again from the
row; an order that is given twice does no harm.

Platforms that delete whole calls only (`Part.CALL`) are asked as soon as everything else of the call is stored with us
or leaving as well, and no hold covers the call. The one proof then holds for all of the platform's places of the call.
Until then the debt says `others_not_secured` or `held`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from compliance import jobs
from compliance.connectors.operations.asking import ask_platform
from compliance.connectors.providers.questions import Answer, AskFailed, Deletion, Part, PlatformApi, Target
from compliance.recordings import access as register
from compliance.recordings.operations import erasing
from compliance.recordings.states import ArtifactKind, ArtifactState, LocationState
from compliance.retention import debt, events, holds
from compliance.retention.models import UpstreamTask

ORDER_AGAIN: Final = timedelta(hours=24)
_CONTROLS: Final = 3
_WORDS: Final = frozenset({ArtifactKind.TRANSCRIPT.value, ArtifactKind.SUMMARY.value})
_OURS: Final = frozenset({"delivery", "export_package", "cached_download"})
"""Kinds that no platform has a copy of."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a place came. `code` says why it is not proven gone; `wait` is the platform's own wish, in seconds."""

    is_gone: bool
    code: str = ""
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """What to ask next about a place, as it was decided under the call's lock."""

    location_id: UUID
    call_id: UUID
    connection_id: UUID
    target: Target = field(repr=False)
    urls: tuple[str, ...] = field(repr=False)
    hosts: list[str]
    last_order: str  # what became of the last order; empty: none was given, or it is time for another


def settle_location(*, actor: Actor, location_id: UUID) -> Progress:
    """Go on with one place that owes a proof: order its deletion, or ask for the proof, or probe its address. May be
    asked at any time, twice too.
    """
    access.require(actor, "retention.read")
    step = _decide(actor, location_id)
    if isinstance(step, Progress):
        return step
    if step is None:
        is_gone = debt.check_location(actor=actor, location_id=location_id)
        return Progress(is_gone, "" if is_gone else "not_proven")
    try:
        order = step.last_order or _order(actor, step)
        return _prove(actor, step, order)
    except AskFailed as failure:
        return _note_failure(actor, step, failure)


def check_soon(*, actor: Actor, location_id: UUID) -> None:
    """Have a place looked at now, by the job: for callers who are inside a transaction."""
    access.require(actor, "retention.read")
    with tenancy.scope(actor.organisation_id):
        debt.lock_location(actor.organisation_id, location_id)
        jobs.enqueue_on_commit("retention.check_location", organisation_id=actor.organisation_id, object_id=location_id)


def check_call(*, actor: Actor, call_id: UUID) -> list[Progress]:
    """A platform told something about the deletion of a call: every place of it that owes a proof is looked at now. The
    word itself proves nothing.
    """
    access.require(actor, "retention.read")
    with tenancy.scope(actor.organisation_id):
        ids = list(debt.owing(actor.organisation_id).filter(artifact__call_id=call_id).values_list("id", flat=True))
    return [settle_location(actor=actor, location_id=location_id) for location_id in ids]


def delete_late(*, actor: Actor, call_id: UUID) -> int:
    """A platform spoke of a call that was erased: what it has is debt again. How many places that is."""
    access.require(actor, "retention.dispose")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        call = erasing.lock_call(organisation_id, call_id)
        if call.state == call.State.ACTIVE:
            return 0
        found = register.locations(organisation_id).filter(artifact__call_id=call_id, place="platform")
        found = found.filter(artifact__state__in=[ArtifactState.DELETED, ArtifactState.NEVER_RECORDED])
        fresh = list(found.filter(asked_at=None).exclude(state=LocationState.CONFIRMED_GONE.value).order_by("id"))
        for location in fresh:
            debt.begin_debt(actor, location, call_id)
        if fresh:
            debt.note(actor, events.LATE_DATA_FOUND, fresh[0].id, {"call": str(call_id), "places": len(fresh)})
    return len(fresh)


# --- decide -----------------------------------------------------------------------------------------------------------


def _decide(actor: Actor, location_id: UUID) -> _Step | Progress | None:
    """What to ask; or how it stands; or None where only the place's own address can be asked."""
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        location = debt.lock_location(organisation_id, location_id)
        call = location.artifact.call
        if location.state == LocationState.CONFIRMED_GONE:
            return Progress(True)
        if location.asked_at is None or call is None:
            return None
        address = debt.address_of(location)
        target = _target(location, address)
        obstacle = _obstacle(organisation_id, call, target)
        if obstacle:
            return _wait(actor, location, obstacle)
        if target is None:
            if location.state != LocationState.ASKED:
                debt.ask_person(actor, location, reason="no_part_id" if debt.deletes_on_call(location) else "")
            return None
        places = _places(organisation_id, location, target)
        return _Step(
            location_id=location.id,
            call_id=call.id,
            connection_id=call.connection_id,
            target=target,
            urls=tuple(url for place in places if (url := debt.address_of(place).get("url"))),
            hosts=debt.hosts_of(location),
            last_order=_last_order(places),
        )


def _target(location: Any, address: dict[str, str]) -> Target | None:
    """What the platform is asked to delete; None where it takes no order for it."""
    provider = debt.provider_of(location)
    if provider is None or provider.api is None or not debt.deletes_on_call(location):
        return None
    parts = provider.api.parts
    if Part.CALL in parts:
        return Target(Part.CALL, address["external_id"]) if address.get("external_id") else None
    part = Part.TRANSCRIPT if location.artifact.kind in _WORDS else Part.RECORDING
    # Without its own id the part cannot be named, and "not found" for another name would look like a proof.
    return Target(part, address["part_id"]) if part in parts and address.get("part_id") else None


def _obstacle(organisation_id: UUID, call: Any, target: Target | None) -> str:
    """Why the platform must not be asked now."""
    if call.state != call.State.ACTIVE:
        return ""
    if call.id in holds.held_calls(organisation_id, [call.id]):
        return holds.HELD
    if target is not None and target.part is Part.CALL:
        others = [one for one in register.artifacts_of(organisation_id, call.id) if one.kind not in _OURS]
        if not all(_is_secured(one) for one in others):
            return "others_not_secured"
    return ""


def _is_secured(artifact: Any) -> bool:
    """Stored with us, or on its way out: nothing is lost with the platform's copy."""
    is_stored = artifact.object_id is not None and artifact.state in register.READABLE
    return is_stored or artifact.state in register.LEAVING


def _places(organisation_id: UUID, location: Any, target: Target) -> list[Any]:
    """The places that one order and one proof stand for: of a whole call all of the platform's, otherwise the one."""
    if target.part is not Part.CALL:
        return [location]
    rows = register.locations(organisation_id).filter(artifact__call_id=location.artifact.call_id, place="platform")
    rows = rows.filter(name=location.name).exclude(state=LocationState.CONFIRMED_GONE.value)
    return list(rows.select_related("artifact", "artifact__call").select_for_update(of=("self",)).order_by("id"))


def _last_order(places: list[Any]) -> str:
    """What became of the newest order for these places; empty where a new one is due."""
    given = [place.proof for place in places if "ordered_at" in place.proof]
    newest = max(given, key=lambda proof: str(proof["ordered_at"]), default=None)
    if newest is None or datetime.fromisoformat(newest["ordered_at"]) <= timezone.now() - ORDER_AGAIN:
        return ""
    return str(newest["order"])


def _wait(actor: Actor, location: Any, code: str) -> Progress:
    if location.last_code != code:
        debt.defer(location, code)
        what = {"artifact": str(location.artifact_id), "code": code}
        debt.note(actor, events.LOCATION_DEFERRED, location.id, what)
    return Progress(False, code)


# --- ask --------------------------------------------------------------------------------------------------------------


def _ask(
    actor: Actor, step: _Step, make: Callable[[PlatformApi, Any], Any], read: Callable[[PlatformApi, Answer], _T]
) -> tuple[_T, int, str]:
    """One question: what the answer says, its status, and what this platform's proof is."""
    return ask_platform(
        actor.organisation_id,
        step.connection_id,
        make,
        lambda api, answer: (read(api, answer), answer.status, api.proof_words),
    )


def _order(actor: Actor, step: _Step) -> str:
    said, status, _ = _ask(
        actor,
        step,
        lambda api, credentials: api.delete(credentials, step.target),
        lambda api, answer: api.read_delete(answer),
    )
    with tenancy.operation(actor):
        location = debt.lock_location(actor.organisation_id, step.location_id)
        if location.state == LocationState.CONFIRMED_GONE:
            return said.value
        order = {"order": said.value, "order_status": status, "ordered_at": timezone.now().isoformat()}
        proof = debt.carried(location) | {"how": "api"} | order
        is_news = location.proof.get("order") != said.value
        erasing.note_location(location, LocationState.ASKED, proof=proof)
        erasing.note_attempt(location, f"order_{said.value}")
        if is_news:
            what = {"artifact": str(location.artifact_id), "how": "api", "answer": said.value, "status": status}
            debt.note(actor, events.LOCATION_ASKED, location.id, what)
    return said.value


def _prove(actor: Actor, step: _Step, order: str) -> Progress:
    said, status, words = _ask(
        actor,
        step,
        lambda api, credentials: api.ask_deleted(credentials, step.target),
        lambda api, answer: api.read_deleted(answer),
    )
    code = "" if said is Deletion.GONE else "still_there"
    if not code and any(debt.probe(url, step.hosts) == debt.STILL_ANSWERS for url in step.urls):
        code = "link_answers"
    if not code and order == Deletion.NOT_FOUND and not _is_right_account(actor, step):
        code = "account_doubtful"
    if code:
        return _note_doubt(actor, step, code, status)
    _confirm(actor, step, status=status, words=words)
    return Progress(True)


def _is_right_account(actor: Actor, step: _Step) -> bool:
    """Whether "not found" can be believed: an account that knows none of its newest calls is another one.

    Where there is no other call to ask about, the platform's proof has to do.
    """
    with tenancy.scope(actor.organisation_id):
        rows = register.calls(actor.organisation_id).filter(connection_id=step.connection_id, state="active")
        rows = rows.exclude(external_id="").exclude(id=step.call_id).order_by("-id")[:_CONTROLS]
        known = list(rows.values_list("external_id", flat=True))
    return not known or any(_knows(actor, step, external_id) for external_id in known)


def _knows(actor: Actor, step: _Step, external_id: str) -> bool:
    found, _, _ = _ask(
        actor,
        step,
        lambda api, credentials: api.ask_call(credentials, external_id),
        lambda api, answer: api.read_call(answer),
    )
    return found is not None


# --- write down -------------------------------------------------------------------------------------------------------


def _note_doubt(actor: Actor, step: _Step, code: str, status: int) -> Progress:
    """The platform's answer is no proof. A doubtful account needs a person."""
    with tenancy.operation(actor):
        location = debt.lock_location(actor.organisation_id, step.location_id)
        if location.state == LocationState.CONFIRMED_GONE:
            return Progress(True)
        is_news = location.proof.get("answer") != code
        checked = {"how": "api", "answer": code, "status": status, "checked_at": timezone.now().isoformat()}
        erasing.note_location(location, LocationState.ASKED, proof=debt.carried(location) | checked)
        erasing.note_attempt(location, code)
        if is_news:
            what = {"answer": code, "artifact": str(location.artifact_id), "status": status}
            debt.note(actor, events.LOCATION_CHECKED, location.id, what)
        if code == "account_doubtful":
            debt.ask_person(actor, location, reason=code)
    return Progress(False, code)


def _note_failure(actor: Actor, step: _Step, failure: AskFailed) -> Progress:
    """No answer to read. What another try will not mend becomes a person's task; the tries go on all the same."""
    with tenancy.operation(actor):
        location = debt.lock_location(actor.organisation_id, step.location_id)
        if location.state == LocationState.CONFIRMED_GONE:
            return Progress(True)
        is_news = location.last_code != failure.code
        erasing.note_attempt(location, failure.code)
        if is_news:
            what: dict[str, Any] = {"answer": failure.code, "artifact": str(location.artifact_id)}
            if failure.status is not None:
                what["status"] = failure.status
            debt.note(actor, events.LOCATION_CHECKED, location.id, what)
        if not failure.is_retryable:
            debt.ask_person(actor, location, reason=failure.code)
    return Progress(False, failure.code, failure.retry_after)


def _confirm(actor: Actor, step: _Step, *, status: int, words: str) -> None:
    """The platform's proof, written to every place that it stands for."""
    now = timezone.now().isoformat()
    with tenancy.operation(actor):
        location = debt.lock_location(actor.organisation_id, step.location_id)
        for place in _places(actor.organisation_id, location, step.target):
            order = {name: value for name, value in debt.carried(location).items() if name != "alarms"}
            proof = order | {"how": "api", "answer": "gone", "status": status, "proof": words, "checked_at": now}
            what = {"answer": "gone", "artifact": str(place.artifact_id), "how": "api", "status": status}
            debt.note(actor, events.LOCATION_CHECKED, place.id, what)
            debt.confirm(actor, place, proof, closes=UpstreamTask.State.NEEDLESS)

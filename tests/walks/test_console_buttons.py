"""The console's buttons: each does its operation once, for a reason, and is refused politely where it may not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from accounts import authentication, operations, tenancy
from accounts.actors import Origin, Role
from accounts.models import ApiKey, Membership
from compliance.connectors import access as connections
from compliance.disclosure import access as judged
from compliance.disclosure.operations import prompts
from compliance.intake import access as intake
from compliance.recordings import access as register
from compliance.recordings.states import LocationState
from compliance.retention import operations as retention
from compliance.retention.models import LegalHold
from tests.calls import Media, connect
from tests.cast import Cast, Member
from tests.compliance.dsr import requests
from tests.walks.desk import Desk, button_of, list_of, page_of, words_of

Arrived = Callable[..., dict[str, UUID]]
OWN = "Somebody else must approve what you proposed"


@pytest.fixture
def desk(console: Callable[[Member], Client]) -> Callable[[Member], Desk]:
    return lambda member: Desk(console(member))


@pytest.fixture
def officer(cast: Cast, desk: Callable[[Member], Desk]) -> Desk:
    return desk(cast.officer)


@pytest.fixture
def reviewer(cast: Cast, desk: Callable[[Member], Desk]) -> Desk:
    return desk(cast.colleague)


@pytest.fixture
def owner(cast: Cast, desk: Callable[[Member], Desk]) -> Desk:
    return desk(cast.owner)


# --- sound and words ------------------------------------------------------------------------------


def test_content_opens_for_a_stated_purpose_and_each_opening_is_an_entry(
    officer: Desk, arrived: Arrived, entries: Any
) -> None:
    call_id = arrived("01")["01"]
    entries.clear()
    answer: Any = officer.client.post(button_of("recordings.Call", "open_content", call_id), {"purpose": "complaint"})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert "I need to move my cleaning appointment" in words_of(answer.content)
    assert entries.events == ["recordings.link.issued", "recordings.artifact.opened", "recordings.insights.opened"]
    assert {entry.fields["why"]["purpose"] for entry in entries} == {"complaint"}
    found = re.search(r'<audio[^>]+src="(/play/[^"]+)"', answer.content.decode())
    assert found is not None
    heard = Client().get(found.group(1), headers={"Range": "bytes=0-99"})
    assert (heard.status_code, len(b"".join(heard.streaming_content))) == (206, 100)  # type: ignore[attr-defined]


def test_another_purpose_is_said_in_words(officer: Desk, arrived: Arrived, entries: Any) -> None:
    call_id = arrived("01")["01"]
    entries.clear()
    officer.press("recordings.Call", "open_content", call_id).assert_refused("This field is required", 400)
    officer.press("recordings.Call", "open_content", call_id, purpose="other", words=" ").assert_refused(
        "Say what for", 400
    )
    assert entries.events == []
    assert (
        officer.press("recordings.Call", "open_content", call_id, purpose="other", words="Talk with her").status == 200
    )
    assert entries.of("recordings.artifact.opened")[0].fields["identifying"] == {"purpose": "Talk with her"}
    assert entries.of("recordings.artifact.opened")[0].fields["why"] == {"purpose": "stated"}


def test_auditors_read_everything_but_content(
    cast: Cast, desk: Callable[[Member], Desk], arrived: Arrived, entries: Any
) -> None:
    call_id = arrived("01")["01"]
    auditor = desk(cast.auditor)
    assert "Open sound and words" not in auditor.open(page_of("recordings.Call", call_id))
    entries.clear()
    assert auditor.press("recordings.Call", "open_content", call_id, purpose="complaint").status == 403
    assert entries.events == []


def test_a_call_that_is_being_erased_opens_no_more(
    cast: Cast, officer: Desk, arrived: Arrived, jobs: Any, entries: Any
) -> None:
    call_id = arrived("01")["01"]
    requests.approve(cast, jobs, requests.receive(cast))
    jobs.settle()
    assert "Open sound and words" not in officer.open(page_of("recordings.Call", call_id))
    entries.clear()
    answer = officer.press("recordings.Call", "open_content", call_id, purpose="complaint")
    answer.assert_refused("This call was erased", 410)
    assert entries.events == []


def test_a_recording_that_was_not_to_be_had_is_fetched_again(
    cast: Cast, officer: Desk, arrived: Arrived, media: Media, jobs: Any
) -> None:
    kept, media.files = media.files, {}
    call_id = arrived("01")["01"]
    media.files = kept
    recording = _artifact(cast, call_id, "recording")
    assert recording.state == "retry_wait"
    officer.press("recordings.Artifact", "fetch_again", recording.id).assert_done(
        "The recording will be fetched again."
    )
    jobs.drain()
    assert _artifact(cast, call_id, "recording").state == "stored"
    answer = officer.press("recordings.Artifact", "fetch_again", recording.id)
    answer.assert_refused("There is nothing to fetch here", 409)


def _artifact(cast: Cast, call_id: UUID, kind: str) -> Any:
    with tenancy.scope(cast.organisation_id):
        return next(row for row in register.artifacts_of(cast.organisation_id, call_id) if row.kind == kind)


# --- holds and schedule ---------------------------------------------------------------------------


def test_a_hold_is_placed_by_one_and_released_by_two(
    cast: Cast, officer: Desk, reviewer: Desk, arrived: Arrived
) -> None:
    calls = arrived("01", "02")
    said = {"matter": "Claim 7", "reason": "A claim is near.", "calls": f"call_s01\n{calls['02']}\ncall_s01"}
    officer.press("retention.LegalHold", "place", **said).assert_done("The hold is placed.")
    hold = _hold(cast)
    with tenancy.scope(cast.organisation_id):
        assert set(retention.calls_under(hold)) == set(calls.values())
    shown = officer.open(page_of("retention.LegalHold", hold.id))
    assert "A claim is near." in shown
    assert "call_s02" in shown
    proposed = officer.press("retention.LegalHold", "propose_release", hold.id)
    proposed.assert_done("The release is proposed; a second person approves it.")
    officer.press("retention.LegalHold", "approve_release", hold.id).assert_refused(OWN, 403)
    assert _hold(cast).state == LegalHold.State.RELEASE_PROPOSED
    reviewer.press("retention.LegalHold", "approve_release", hold.id).assert_done("The hold is released.")
    assert _hold(cast).state == LegalHold.State.RELEASED
    again = reviewer.press("retention.LegalHold", "approve_release", hold.id)
    again.assert_refused("No release of this hold is proposed", 409)
    assert reviewer.press("retention.LegalHold", "propose_release", hold.id).status == 403


def test_a_hold_on_somebody_elses_call_is_refused_like_one_on_no_call(
    cast: Cast, desk: Callable[[Member], Desk], arrived: Arrived
) -> None:
    theirs = str(arrived("01")["01"])
    outsider = desk(cast.outsider)
    for reference in (theirs, "call_s01", "nonsense"):
        answer = outsider.press("retention.LegalHold", "place", matter="x", reason="y", calls=reference)
        answer.assert_refused(f"Not a call of yours: {reference}", 400)
    assert _hold(cast) is None


def _hold(cast: Cast) -> Any:
    with tenancy.scope(cast.organisation_id):
        return LegalHold.objects.for_organisation(cast.organisation_id).first()


def test_the_schedule_is_shown_rule_by_rule_and_changed_as_a_whole(cast: Cast, officer: Desk) -> None:
    assert "recordings-90" in officer.open(list_of("retention.RetentionSchedule"))
    officer.press("retention.RetentionSchedule", "set_rules", document="{").assert_refused("valid JSON", 400)
    refused = officer.press("retention.RetentionSchedule", "set_rules", document='{"rules": [], "guards": []}')
    refused.assert_refused("the last rule must match everything", 400)
    assert "Nobody has changed the defaults yet" in officer.open(list_of("retention.RetentionSchedule"))
    rule = '{"rule_id": "short", "keep_days": 7, "clock": "call_end", "why": "we need no more"}'
    document = f'{{"rules": [{rule}], "guards": []}}'
    first = officer.press("retention.RetentionSchedule", "set_rules", document=document)
    first.assert_refused("Due within 30 days", 400)  # shown first, saved with the tick
    assert "Nobody has changed the defaults yet" in officer.open(list_of("retention.RetentionSchedule"))
    done = officer.press("retention.RetentionSchedule", "set_rules", document=document, is_seen="on")
    done.assert_done("The new rules are in force; the dates are being assigned.")
    shown = officer.open(list_of("retention.RetentionSchedule"))
    assert "Version 1" in shown
    assert "7 days" in shown


# --- deletion debt --------------------------------------------------------------------------------


def test_debt_is_checked_now_and_attested_where_there_is_no_address(
    cast: Cast, officer: Desk, reviewer: Desk, arrived: Arrived, media: Media, jobs: Any
) -> None:
    arrived("01")
    requests.approve(cast, jobs, requests.receive(cast))
    jobs.settle()
    owed = {location.artifact.kind: location for location in _debt(cast)}
    assert set(owed) == {"recording", "transcript"}
    assert "still answers" in officer.open(list_of("recordings.Location"))
    still = officer.press("recordings.Location", "check_now", owed["recording"].id)
    assert still.said[0].startswith("Not proven")
    evidence = {"evidence": "Support case 4711: deletion confirmed in writing."}
    instead = officer.press("recordings.Location", "attest", owed["recording"].id, **evidence)
    instead.assert_refused("it is proven by asking it", 409)
    assert len(_debt(cast)) == 2
    media.files = {}
    gone = officer.press("recordings.Location", "check_now", owed["recording"].id)
    gone.assert_done("Proven gone: the debt on this place is settled.")
    assert reviewer.press("recordings.Location", "attest", owed["transcript"].id, **evidence).status == 403
    officer.press("recordings.Location", "attest", owed["transcript"].id, evidence="yes").assert_refused(
        "at least 10", 400
    )
    attested = officer.press("recordings.Location", "attest", owed["transcript"].id, **evidence)
    attested.assert_done("Attested. Every report will say so.")
    assert _debt(cast) == []
    assert "Nothing is owed" in officer.open(list_of("recordings.Location"))
    assert "attested" in officer.open(page_of("recordings.Location", owed["transcript"].id))


def _debt(cast: Cast) -> list[Any]:
    with tenancy.scope(cast.organisation_id):
        rows = register.locations(cast.organisation_id).select_related("artifact")
        return list(rows.filter(state=LocationState.ASKED.value))


# --- platforms and disclosure ---------------------------------------------------------------------


def test_a_quarantined_delivery_is_read_again(
    cast: Cast, officer: Desk, reviewer: Desk, jobs: Any, entries: Any
) -> None:
    platform = connect(cast)
    platform.deliver(b'{"success": tru')
    jobs.drain()
    with tenancy.scope(cast.organisation_id):
        row = intake.deliveries(cast.organisation_id).get()
    assert reviewer.press("intake.Delivery", "replay", row.id).status == 403
    officer.press("intake.Delivery", "replay", row.id).assert_done("The delivery is being read again.")
    assert len(entries.of("intake.delivery.replayed")) == 1
    jobs.drain()
    with tenancy.scope(cast.organisation_id):
        assert intake.deliveries(cast.organisation_id).get().state == "quarantined"


def test_a_platform_is_connected_and_its_token_is_shown_once(cast: Cast, officer: Desk, entries: Any) -> None:
    asked = {"platform": "dialgen", "name": "Second line", "allowed_hosts": "recordings.dialgen.example"}
    wrong = officer.press("connectors.Connection", "connect", **asked | {"allowed_hosts": "http://127.0.0.1/"})
    wrong.assert_refused("A host cannot be used", 400)
    answer: Any = officer.client.post(button_of("connectors.Connection", "connect"), asked)
    values = re.findall(r'<input id="secret-\d"[^>]+value="([^"]+)"', answer.content.decode())
    assert (answer.status_code, len(values)) == (200, 4)
    with tenancy.scope(cast.organisation_id):
        connection = connections.connections_of(cast.organisation_id).get(name="Second line")
    body = officer.client.get(page_of("connectors.Connection", connection.id)).content.decode()
    assert values[1] not in body
    assert connections.webhook_url(connection) == values[0]
    assert entries.of("connectors.connection.created")


def test_a_connection_pauses_resumes_and_says_why_it_records(cast: Cast, officer: Desk, desk: Any) -> None:
    platform = connect(cast)
    connection_id = platform.connection_id
    assert desk(cast.engineer).press("connectors.Connection", "pause", connection_id).status == 403
    assert officer.press("connectors.Connection", "pause", connection_id).status == 302
    assert platform.deliver({"success": True}).status_code == 503
    assert officer.press("connectors.Connection", "resume", connection_id).status == 302
    words = {"purposes": "booking\nquality", "lawful_basis": "contract", "recipients": "DialGen"}
    assert officer.press("connectors.Connection", "set_governance", connection_id, **words).status == 302
    with tenancy.scope(cast.organisation_id):
        found = connections.governance_of(cast.organisation_id, connection_id)
    assert (found.purposes, found.lawful_basis) == (("booking", "quality"), "contract")
    assert (
        officer.press("connectors.Connection", "set_hosts", connection_id, hosts="a.example\nb.example").status == 302
    )
    assert officer.press("connectors.Connection", "rotate_token", connection_id).status == 200


def test_an_engineer_describes_an_agent_and_resolves_its_finding(cast: Cast, desk: Any, jobs: Any) -> None:
    engineer: Desk = desk(cast.engineer)
    made = prompts.submit_prompt(
        actor=cast.engineer.actor, agent="agent_x", text="Sell things.", language="en-US", jurisdictions=["US-CA"]
    ).prompt
    jobs.drain()
    said = {"name": "Seller", "languages": "en-US", "jurisdictions": "US-CA\nUS-WA"}
    engineer.press("connectors.Agent", "set_details", made.agent_id, **said).assert_done("The agent is changed.")
    shown = engineer.press("disclosure.PromptVersion", "show_text", made.id)
    assert "Sell things." in shown.words
    with tenancy.scope(cast.organisation_id):
        finding = judged.findings(cast.organisation_id).filter(state="open").first()
    assert finding is not None
    auditor: Desk = desk(cast.auditor)
    assert auditor.press("disclosure.Finding", "resolve", finding.id, resolution="fixed").status == 403
    engineer.press("disclosure.Finding", "resolve", finding.id, resolution="superseded").assert_refused(
        "valid choice", 400
    )
    done = engineer.press("disclosure.Finding", "resolve", finding.id, resolution="accepted", note="Known and fine.")
    done.assert_done("The finding is resolved.")
    assert "Known and fine." in engineer.open(page_of("disclosure.Finding", finding.id))
    again = engineer.press("disclosure.Finding", "resolve", finding.id, resolution="accepted")
    again.assert_refused("resolved already", 409)


# --- organisation ---------------------------------------------------------------------------------


def test_a_key_is_shown_once_rotated_and_revoked(cast: Cast, owner: Desk, officer: Desk) -> None:
    asked = {"name": "export", "scopes": ["calls:read"], "days": "30"}
    assert officer.press("accounts.ApiKey", "issue_key", **asked).status == 403
    content = owner.press("accounts.ApiKey", "issue_key", **asked | {"scopes": ["calls:content"]})
    content.assert_refused("A key that opens content needs a purpose", 400)
    first: Any = owner.client.post(button_of("accounts.ApiKey", "issue_key"), asked)
    text = _key_in(first)
    assert authentication.actor_of_key(text, Origin()) is not None
    key = _newest_key(cast)
    assert text not in owner.client.get(page_of("accounts.ApiKey", key.id)).content.decode()
    second = _key_in(owner.client.post(button_of("accounts.ApiKey", "rotate_key", key.id)))
    assert second != text
    owner.press("accounts.ApiKey", "revoke_key", key.id).assert_done("The key is revoked.")
    assert authentication.actor_of_key(text, Origin()) is None
    assert authentication.actor_of_key(second, Origin()) is not None
    owner.press("accounts.ApiKey", "rotate_key", key.id).assert_refused("cannot be rotated", 409)


def _key_in(answer: Any) -> str:
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    found = re.search(r'value="(cw_[^"]+)"', answer.content.decode())
    assert found is not None
    return found.group(1)


def _newest_key(cast: Cast) -> ApiKey:
    with tenancy.scope(cast.organisation_id):
        key = ApiKey.objects.for_organisation(cast.organisation_id).order_by("-id").first()
    assert key is not None
    return key


def test_members_come_change_and_go_and_one_owner_stays(cast: Cast, owner: Desk, officer: Desk) -> None:
    new = {"email": "new@harbor.example", "name": "New", "role": "auditor"}
    assert officer.press("accounts.Membership", "add_member", **new).status == 403
    owner.press("accounts.Membership", "add_member", **new).assert_done("The member was added.")
    owner.press("accounts.Membership", "add_member", **new).assert_refused("already a member", 409)
    member = _member(cast, "new@harbor.example")
    changed = owner.press("accounts.Membership", "change_role", member.id, role="reviewer")
    changed.assert_done("The role was changed.")
    assert _member(cast, "new@harbor.example").role == Role.REVIEWER
    me = _member(cast, "owner@harbor.example")
    owner.press("accounts.Membership", "end_membership", me.id).assert_refused("keeps at least one owner", 409)
    owner.press("accounts.Membership", "end_membership", member.id).assert_done("The membership has ended.")
    assert _member(cast, "new@harbor.example").ended_at is not None


def _member(cast: Cast, email: str) -> Membership:
    with tenancy.scope(cast.organisation_id):
        return Membership.objects.for_organisation(cast.organisation_id).select_related("user").get(user__email=email)


def test_a_button_wants_the_forms_secret(cast: Cast) -> None:
    """Nobody can be led into pressing one by a page elsewhere."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.owner.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    key, _ = operations.issue_api_key(actor=cast.owner.actor, name="k", scopes=["calls:read"])
    assert client.post(button_of("accounts.ApiKey", "revoke_key", key.id)).status_code == 403
    assert client.get(button_of("accounts.ApiKey", "revoke_key", key.id)).status_code == 200
    assert _newest_key(cast).revoked_at is None

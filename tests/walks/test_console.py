"""The console's pages: who may open which, what they show and what they never show, and at what cost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.models import Membership
from compliance import law
from compliance.disclosure import access as judged
from compliance.disclosure.operations import overrides, prompts, waiving
from compliance.disclosure.operations.overrides import NewOverride
from compliance.dsr.operations import receiving
from compliance.intake import access as intake
from compliance.recordings import access as register
from compliance.retention import operations as retention
from tests.calls import connect
from tests.cast import Cast, Member
from tests.compliance.dsr import requests
from tests.walks.desk import LISTS, Desk, admin_of, button_of, buttons, list_of, page_of

Sign = Callable[[Member], Client]

PERSONAL = (
    *("Owen", "Baptiste", "+1206", "206-555", "owen.baptiste", "contact_2002", "Larch Street"),
    *("Maria", "Delgado", "+1415", "415-555", "maria.delgado"),
)
"""What a call and a request say of the people who stand in the register and in the file."""

MAX_QUERIES = 12
_TRANSACTION = ("SAVEPOINT", "RELEASE", "SELECT set_config")


@pytest.fixture
def desk(console: Sign) -> Callable[[Member], Desk]:
    return lambda member: Desk(console(member))


@pytest.fixture
def furnished(cast: Cast, arrived: Callable[..., dict[str, UUID]], jobs: Any) -> dict[str, UUID]:
    """An organisation with something of every kind; label → id of one row."""
    officer = cast.officer.actor
    calls = arrived("01", "02")
    request = requests.receive(cast)
    requests.approve(cast, jobs, request)
    jobs.settle()
    open_request = requests.receive(cast, law.Right.ACCESS)
    hold = retention.place_hold(actor=officer, matter="Claim 7", reason="A claim is near.", call_ids=[calls["02"]])
    prompts.submit_prompt(actor=officer, agent="new", text="Greet.", language="en", jurisdictions=["US-WA"])
    overrides.set_override(actor=officer, new=NewOverride("FR", "express", purpose=True, reason="Counsel"))
    jobs.settle(times=1)
    _waive(cast)
    found = {
        "accounts.Organisation": cast.organisation_id,
        "recordings.Call": calls["02"],
        "retention.LegalHold": hold.id,
        "dsr.SubjectRequest": open_request.id,
    }
    with tenancy.scope(cast.organisation_id):
        for label in LISTS:
            model: Any = admin_of(label).model
            if label not in found and hasattr(model.objects, "for_organisation"):
                row = model.objects.for_organisation(cast.organisation_id).order_by("id").first()
                if row is not None:
                    found[label] = row.id
    return found


def _waive(cast: Cast) -> None:
    """A waiver that waits for its second person."""
    with tenancy.scope(cast.organisation_id):
        finding = judged.findings(cast.organisation_id).filter(state="open")[0]
    until = timezone.now().date() + timedelta(days=9)
    waiving.propose_waiver(
        actor=cast.officer.actor, finding_id=finding.id, until=until, ground="no_real_callers", note="A test agent."
    )


@pytest.mark.parametrize("label", LISTS)
def test_a_list_opens_for_those_who_may_read_it_and_for_nobody_else(label: str, cast: Cast, console: Sign) -> None:
    people = (cast.owner, cast.officer, cast.colleague, cast.auditor, cast.engineer)
    for member in people:
        may = rights.may(member.actor, admin_of(label).read_action)
        answer = console(member).get(list_of(label), follow=True)
        assert answer.status_code == (200 if may else 403), (label, member.actor.role)
    assert {rights.may(member.actor, admin_of(label).read_action) for member in people} >= {True}


@pytest.mark.parametrize("path", ["/admin/", *(list_of(label) for label in ("recordings.Call", "audit.Entry"))])
def test_strangers_are_sent_to_sign_in_and_come_back(path: str, db: None) -> None:
    answer = Client().get(path)
    assert answer.status_code == 302
    followed: Any = Client().get(path, follow=True)
    assert followed.redirect_chain[-1][0].startswith("/accounts/login/?next=")
    assert followed.status_code == 200


def test_a_person_without_a_membership_is_nobody_here(cast: Cast, console: Sign) -> None:
    with tenancy.scope(cast.organisation_id):
        member = Membership.objects.for_organisation(cast.organisation_id).get(user=cast.auditor.user)
    client = console(cast.auditor)
    assert client.get("/admin/").status_code == 200
    Desk(console(cast.owner)).press("accounts.Membership", "end_membership", member.id)
    assert client.get("/admin/").status_code == 302


def test_every_kind_of_row_has_a_page_and_none_says_who_was_on_the_telephone(
    cast: Cast, desk: Callable[[Member], Desk], furnished: dict[str, UUID]
) -> None:
    officer = desk(cast.officer)
    missing = set(LISTS) - set(furnished) - {"audit.Entry", "retention.RetentionSchedule"}
    assert not missing
    for label in LISTS:
        paths = [list_of(label)] if label != "accounts.Organisation" else []
        paths += [page_of(label, furnished[label])] if label in furnished else []
        for path in paths:
            shown = officer.open(path)
            assert not [word for word in PERSONAL if word in shown], (path, shown[:500])
    assert "Claim 7" in officer.open(list_of("retention.LegalHold"))


def test_another_organisation_sees_neither_rows_nor_pages_nor_buttons(
    cast: Cast, console: Sign, furnished: dict[str, UUID]
) -> None:
    outsider = console(cast.outsider)
    for label, row_id in furnished.items():
        if label == "accounts.Organisation":
            continue
        listed = outsider.get(list_of(label))
        assert str(row_id) not in listed.content.decode(), label
        known, unknown = outsider.get(page_of(label, row_id)), outsider.get(page_of(label, uuid4()))
        assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"]) == (302, "/admin/")
    for label, name, is_on_row in buttons():
        if is_on_row and label in furnished and rights.may(cast.outsider.actor, _right(label, name)):
            assert outsider.post(button_of(label, name, furnished[label]), {"plan_digest": "0" * 64}).status_code == 404


def test_looking_at_a_button_changes_nothing_and_is_only_for_those_who_may_press_it(
    cast: Cast, console: Sign, furnished: dict[str, UUID], entries: Any
) -> None:
    clients = {member.actor.role: console(member) for member in (cast.owner, cast.auditor, cast.engineer)}
    for label, name, is_on_row in buttons():
        if is_on_row and label not in furnished:
            continue
        path = button_of(label, name, furnished[label] if is_on_row else None)
        for member in (cast.owner, cast.auditor, cast.engineer):
            may = rights.may(member.actor, _right(label, name)) and rights.may(
                member.actor, admin_of(label).read_action
            )
            assert clients[member.actor.role].get(path).status_code == (200 if may else 403), (path, member.actor.role)
            if not may:
                assert clients[member.actor.role].post(path, {}).status_code == 403
    assert entries.events == []


def _right(label: str, name: str) -> str:
    return str(getattr(admin_of(label), name).button.right)


def test_a_list_costs_few_queries_however_long_it_is(cast: Cast, console: Sign, furnished: dict[str, UUID]) -> None:
    client = console(cast.officer)
    for label in LISTS:
        if label == "accounts.Organisation":
            continue
        with CaptureQueriesContext(connection) as counted:
            answer = client.get(list_of(label))
        assert (answer.status_code, b"Show counts" in answer.content) == (200, False), label
        asked = [query["sql"] for query in counted if not query["sql"].startswith(_TRANSACTION)]
        assert len(asked) <= MAX_QUERIES, "\n".join([label, *asked])
        assert not [sql for sql in asked if "COUNT(*)" in sql and "LIMIT" not in sql and "GROUP BY" not in sql], label


def test_the_overview_says_what_is_due_next_and_what_is_open(
    cast: Cast, desk: Callable[[Member], Desk], jobs: Any
) -> None:
    platform = connect(cast)
    assert platform.deliver(b'{"success": tru').status_code == 202
    jobs.drain()
    request = requests.receive(cast)
    shown = desk(cast.officer).open("/admin/")
    assert request.reference in shown
    assert "45 days" in shown
    assert "Quarantined deliveries 1" in shown
    assert "Open requests 1" in shown
    engineer = desk(cast.engineer).open("/admin/")
    assert request.reference not in engineer
    assert "Open findings" in engineer
    assert "Open requests" not in engineer


def test_the_sidebar_holds_what_its_reader_may_open(cast: Cast, desk: Callable[[Member], Desk]) -> None:
    engineer = desk(cast.engineer).client.get("/admin/").content.decode()
    officer = desk(cast.officer).client.get("/admin/").content.decode()
    for label in LISTS:
        assert (list_of(label) in engineer) == rights.may(cast.engineer.actor, admin_of(label).read_action), label
        assert (list_of(label) in officer) == rights.may(cast.officer.actor, admin_of(label).read_action), label


def test_a_quarantined_delivery_stands_in_the_list_with_its_code(
    cast: Cast, desk: Callable[[Member], Desk], jobs: Any
) -> None:
    platform = connect(cast)
    platform.deliver(b'{"success": tru')
    jobs.drain()
    with tenancy.scope(cast.organisation_id):
        row = intake.deliveries(cast.organisation_id).get()
    assert "quarantined not json" in desk(cast.colleague).open(list_of("intake.Delivery"))
    assert "not json" in desk(cast.colleague).open(page_of("intake.Delivery", row.id))


def test_a_call_is_found_by_its_platforms_id_and_by_ours(
    cast: Cast, desk: Callable[[Member], Desk], arrived: Callable[..., dict[str, UUID]]
) -> None:
    calls = arrived("01", "02")
    for term in ("call_s01", str(calls["01"])):
        shown = desk(cast.officer).open(f"{list_of('recordings.Call')}?q={term}")
        assert "call_s01" in shown
        assert "call_s02" not in shown
    assert "Nothing matches" in desk(cast.officer).open(f"{list_of('recordings.Call')}?q=call_s0")


def test_an_artifact_says_until_when_it_is_kept_and_why(
    cast: Cast, desk: Callable[[Member], Desk], arrived: Callable[..., dict[str, UUID]]
) -> None:
    call_id = arrived("01")["01"]
    with tenancy.scope(cast.organisation_id):
        recording = next(row for row in register.artifacts_of(cast.organisation_id, call_id) if row.kind == "recording")
    shown = desk(cast.auditor).open(page_of("recordings.Artifact", recording.id))
    assert "31 May 2026" in shown
    assert "90 days from the end of the call" in shown
    assert "GDPR Art. 5(1)(e)" in shown
    assert recording.sha256 in shown


def test_a_request_explains_its_dates(cast: Cast, desk: Callable[[Member], Desk]) -> None:
    request = requests.receive(cast)
    shown = desk(cast.auditor).open(page_of("dsr.SubjectRequest", request.id))
    assert "11 CCR 7021(b)" in shown
    assert "calendar days from" in shown
    assert "Letters" not in shown.split("Identities that the person named")[1]


def test_nothing_of_the_framework_writes_or_edits(cast: Cast, console: Sign, furnished: dict[str, UUID]) -> None:
    owner = console(cast.owner)
    for label, row_id in furnished.items():
        base = list_of(label)
        assert owner.get(f"{base}add/").status_code == 403, label
        assert owner.post(page_of(label, row_id), {"state": "x"}).status_code == 403, label
        assert owner.post(f"{base}{row_id}/delete/", {"post": "yes"}).status_code == 403, label
    assert not LogEntry.objects.exists()


def test_pages_are_not_to_be_framed_and_name_their_main_part(cast: Cast, console: Sign) -> None:
    answer = console(cast.officer).get("/admin/")
    policy = answer["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    assert answer.content.count(b'role="main"') == 1


def test_what_the_register_cannot_find_the_form_of_a_request_refuses(cast: Cast) -> None:
    """The console's form offers exactly the rights that can be fulfilled."""
    offered = [value for value, _ in admin_of("dsr.SubjectRequest").receive.button.form.base_fields["rights"].choices]
    assert set(offered) == set(receiving.FULFILLED_HERE)

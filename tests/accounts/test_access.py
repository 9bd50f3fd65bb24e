"""The table of rights, read back as promises."""

from uuid import uuid4

import pytest

from accounts import access
from accounts.actors import Actor, ActorKind, Role
from accounts.errors import NotAllowed

HERE = uuid4()


def _person(role: Role) -> Actor:
    return Actor(kind=ActorKind.PERSON, organisation_id=HERE, id=uuid4(), role=role)


def _robot(*scopes: str) -> Actor:
    return Actor(kind=ActorKind.API_KEY, organisation_id=HERE, id=uuid4(), role=Role.ROBOT, scopes=frozenset(scopes))


def test_an_engineer_sees_neither_recordings_nor_requests() -> None:
    engineer = _person(Role.ENGINEER)
    for action in ("recordings.read", "recordings.open_content", "dsr.read", "dsr.handle", "retention.read"):
        assert not access.may(engineer, action)
    assert access.may(engineer, "disclosure.submit_prompt")


def test_an_auditor_reads_everything_but_content_and_changes_nothing() -> None:
    auditor = _person(Role.AUDITOR)
    assert access.may(auditor, "log.read")
    assert access.may(auditor, "dsr.read")
    for action in ("recordings.open_content", "dsr.handle", "dsr.approve", "retention.place_hold", "dsr.read_outbox"):
        assert not access.may(auditor, action)


def test_a_reviewer_approves_but_does_not_propose() -> None:
    reviewer = _person(Role.REVIEWER)
    assert access.may(reviewer, "dsr.approve")
    assert not access.may(reviewer, "dsr.handle")


@pytest.mark.parametrize("action", ["dsr.approve", "retention.approve_release", "accounts.manage_keys"])
def test_no_key_can_approve_or_make_keys(action: str) -> None:
    assert not access.may(_robot(*access.SCOPES), action)


@pytest.mark.parametrize("action", ["dsr.approve", "retention.approve_release"])
@pytest.mark.parametrize("kind", [ActorKind.SCHEDULER, ActorKind.SYSTEM, ActorKind.CONNECTION, ActorKind.SUBJECT])
def test_no_machine_approves(action: str, kind: ActorKind) -> None:
    assert not access.may(Actor(kind=kind, organisation_id=HERE), action)


@pytest.mark.parametrize("action", sorted(access.RIGHTS))
def test_a_key_without_scopes_may_nothing(action: str) -> None:
    assert not access.may(_robot(), action)


def test_nobody_disposes_by_hand() -> None:
    assert not any(access.may(_person(role), "retention.dispose") for role in Role)


def test_an_unknown_action_is_a_bug() -> None:
    with pytest.raises(KeyError):
        access.may(_person(Role.OWNER), "recordings.raed")


def test_require_refuses_by_name() -> None:
    with pytest.raises(NotAllowed, match=r"engineer may not dsr\.read"):
        access.require(_person(Role.ENGINEER), "dsr.read")

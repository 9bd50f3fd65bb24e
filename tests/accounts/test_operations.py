"""Members and keys."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import authentication, keys, operations, routing, tenancy
from accounts.actors import Origin, Role
from accounts.errors import Conflict, Invalid, NotAllowed, NotFound
from accounts.models import ApiKey, Membership
from tests.cast import Cast
from tests.entries import Entries


def _membership(cast: Cast, email: str) -> Membership:
    with tenancy.scope(cast.organisation_id):
        return Membership.objects.for_organisation(cast.organisation_id).get(user__email=email)


def test_an_organisation_starts_with_its_owner(db: None, jobs: object, entries: Entries) -> None:
    organisation, owner = operations.create_organisation(
        new=operations.NewOrganisation("Bay Clinic", "Ana@Bay.example")
    )
    assert owner.email == "ana@bay.example"
    assert not owner.has_usable_password()
    assert [member.role for member in authentication.memberships(owner)] == [Role.OWNER]
    assert entries.events == ["accounts.organisation.created", "accounts.member.added"]
    assert {entry.organisation_id for entry in entries} == {organisation.id}


@pytest.mark.parametrize("name", ["", "   "])
def test_an_organisation_needs_a_name(db: None, jobs: object, name: str) -> None:
    with pytest.raises(Invalid):
        operations.create_organisation(new=operations.NewOrganisation(name, "a@b.example"))
    assert routing.organisations() == []


def test_only_an_owner_adds_members(cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        operations.add_member(actor=cast.officer.actor, email="new@harbor.example", role=Role.OFFICER)
    user = operations.add_member(actor=cast.owner.actor, email="new@harbor.example", role=Role.OFFICER)
    assert [member.organisation_id for member in authentication.memberships(user)] == [cast.organisation_id]


def test_a_member_is_not_added_twice(cast: Cast) -> None:
    with pytest.raises(Conflict) as refused:
        operations.add_member(actor=cast.owner.actor, email=cast.officer.user.email, role=Role.AUDITOR)
    assert refused.value.code == "already_member"


def test_the_last_owner_stays(cast: Cast) -> None:
    member = _membership(cast, cast.owner.user.email)
    for attempt in (
        lambda: operations.end_membership(actor=cast.owner.actor, membership_id=member.id),
        lambda: operations.change_role(actor=cast.owner.actor, membership_id=member.id, role=Role.OFFICER),
    ):
        with pytest.raises(Conflict) as refused:
            attempt()
        assert refused.value.code == "last_owner"


def test_a_member_who_left_is_nobody_here(cast: Cast) -> None:
    member = _membership(cast, cast.officer.user.email)
    operations.end_membership(actor=cast.owner.actor, membership_id=member.id)
    assert authentication.memberships(cast.officer.user) == []


def test_an_outsider_cannot_reach_a_member(cast: Cast) -> None:
    member = _membership(cast, cast.officer.user.email)
    stranger = cast.outsider.actor
    owner_there = type(stranger)(
        kind=stranger.kind, organisation_id=stranger.organisation_id, id=stranger.id, role=Role.OWNER
    )
    with pytest.raises(NotFound):
        operations.change_role(actor=owner_there, membership_id=member.id, role=Role.AUDITOR)


def test_a_key_opens_until_it_is_revoked(cast: Cast) -> None:
    key, text = operations.issue_api_key(actor=cast.owner.actor, name="ci", scopes=["disclosure:check"])
    found = authentication.actor_of_key(text, Origin())
    assert found is not None
    assert found[1].scopes == {"disclosure:check"}
    operations.revoke_api_key(actor=cast.owner.actor, key_id=key.id)
    assert authentication.actor_of_key(text, Origin()) is None


def test_only_the_digest_of_a_key_is_kept(cast: Cast) -> None:
    key, text = operations.issue_api_key(actor=cast.owner.actor, name="ci", scopes=["disclosure:check"])
    secret = text.rpartition(key.prefix + "_")[2]
    with tenancy.scope(cast.organisation_id):
        row = ApiKey.objects.for_organisation(cast.organisation_id).values().get(id=key.id)
    assert bytes(row["secret_digest"]) == keys.digest_of(secret)
    assert secret not in repr(row)


def test_rotation_overlaps_and_then_ends(cast: Cast, time_machine: object) -> None:
    key, old = operations.issue_api_key(actor=cast.owner.actor, name="ci", scopes=["disclosure:check"])
    _, new = operations.rotate_api_key(actor=cast.owner.actor, key_id=key.id, overlap=timedelta(days=1))
    assert authentication.actor_of_key(old, Origin()) is not None
    assert authentication.actor_of_key(new, Origin()) is not None
    time_machine.move_to(timezone.now() + timedelta(days=2))  # type: ignore[attr-defined]
    assert authentication.actor_of_key(old, Origin()) is None
    assert authentication.actor_of_key(new, Origin()) is not None


@pytest.mark.parametrize(
    ("scopes", "purpose", "field"),
    [([], "", "scopes"), (["everything"], "", "scopes"), (["calls:content"], "", "purpose")],
)
def test_a_key_that_makes_no_sense_is_refused(cast: Cast, scopes: list[str], purpose: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        operations.issue_api_key(actor=cast.owner.actor, name="x", scopes=scopes, purpose=purpose)
    assert field in refused.value.errors


def test_a_key_cannot_end_in_the_past(cast: Cast) -> None:
    with pytest.raises(Invalid):
        operations.issue_api_key(
            actor=cast.owner.actor, name="x", scopes=["log:read"], expires_at=timezone.now() - timedelta(seconds=1)
        )


@pytest.mark.parametrize("text", ["", "cw_", "cw_abc_def", "x" * 500, "cw_" + "0" * 12 + "_" + "é" * 43, "Bearer"])
def test_what_is_no_key_is_nobody(cast: Cast, text: str) -> None:
    assert authentication.actor_of_key(text, Origin()) is None


def test_a_wrong_secret_behind_a_right_prefix_is_nobody(cast: Cast) -> None:
    mark, prefix, secret = cast.robot_key.split("_", 2)
    wrong = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    assert authentication.actor_of_key(f"{mark}_{prefix}_{wrong}", Origin()) is None

"""People sign in by e-mail address and password; every success and every failure is an entry."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts import operations, tenancy
from accounts.models import Membership, User
from tests import cast as people
from tests.cast import Cast
from tests.entries import Entries


def sign_in(email: str, password: str, client: Client | None = None) -> Any:
    return (client or Client()).post(reverse("account_login"), {"login": email, "password": password})


def test_a_success_is_an_entry_of_the_organisation(cast: Cast, entries: Entries) -> None:
    client = Client(headers={"user-agent": "Lighthouse/1"})
    answer = sign_in(cast.owner.user.email, people.PASSWORD, client)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    (entry,) = entries
    assert (entry.event, entry.organisation_id) == ("accounts.sign_in.succeeded", cast.organisation_id)
    assert entry.fields["obj"] == ("user", cast.owner.user.id)
    assert entry.fields["actor"].origin.user_agent == "Lighthouse/1"
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    ("email", "password"), [("owner@harbor.example", "wrong horse"), ("nobody@harbor.example", people.PASSWORD)]
)
def test_a_failure_is_an_entry_of_the_deployment_and_names_the_address_sealed(
    cast: Cast, entries: Entries, email: str, password: str
) -> None:
    client = Client()
    assert sign_in(email, password, client).status_code == 200
    (entry,) = entries
    assert (entry.event, entry.organisation_id) == ("accounts.sign_in.failed", tenancy.DEPLOYMENT_ID)
    assert (entry.fields["outcome"], entry.fields["identifying"]) == ("denied", {"email": email})
    assert not {"what", "why"} & set(entry.fields)
    assert client.get("/admin/").status_code == 302


def test_a_member_who_left_is_signed_in_nowhere(cast: Cast) -> None:
    with tenancy.scope(cast.organisation_id):
        member = Membership.objects.for_organisation(cast.organisation_id).get(user=cast.auditor.user)
    client = Client()
    client.force_login(cast.auditor.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.get("/api/v1/requests").status_code == 200
    operations.end_membership(actor=cast.owner.actor, membership_id=member.id)
    assert client.get("/api/v1/requests").status_code == 401


def test_nobody_signs_up(db: None) -> None:
    answer = Client().post(
        reverse("account_signup"),
        {"email": "new@harbor.example", "password1": people.PASSWORD, "password2": people.PASSWORD},
    )
    assert answer.status_code == 200
    assert not User.objects.filter(email="new@harbor.example").exists()


def test_a_wrong_and_an_unknown_address_look_the_same(cast: Cast) -> None:
    wrong, unknown = (sign_in(email, "wrong horse") for email in (cast.owner.user.email, "nobody@harbor.example"))
    said = [answer.context["form"].errors.as_json() for answer in (wrong, unknown)]
    assert said[0] == said[1]

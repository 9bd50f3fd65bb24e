"""The first owner of an installation comes in by a link that works once."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts import routing, tenancy
from accounts.models import Organisation, User
from compliance.embedded import cleaning
from compliance.embedded.places import Places
from tests import cast as people
from tests.entries import Entries


def create(*words: str) -> str:
    said = io.StringIO()
    call_command("create_organisation", *words, stdout=said)
    return said.getvalue()


def follow(client: Client, path: str) -> Any:
    """The page behind the link; the key moves into the session, so that it stands in no address."""
    return client.get(path, follow=True)


def test_the_link_signs_the_owner_in_once(db: None, jobs: object, entries: Entries) -> None:
    said = create("Bay Clinic", "--owner", "Ana@bay.example", "--country", "US-CA")
    (organisation_id,) = routing.organisations()
    with tenancy.scope(organisation_id):
        organisation = Organisation.objects.get()
    assert (organisation.id, organisation.name, organisation.country) == (organisation_id, "Bay Clinic", "US-CA")
    assert str(organisation_id) in said
    assert entries.events == ["accounts.organisation.created", "accounts.member.added"]
    found = re.search(r"works once: (\S+)", said)
    assert found
    path = urlsplit(found.group(1)).path

    client = Client()
    page = follow(client, path)
    assert page.status_code == 200
    assert path not in page.redirect_chain[-1][0]
    answer = client.post(
        page.redirect_chain[-1][0], {"password1": people.PASSWORD, "password2": people.PASSWORD}, follow=True
    )
    assert answer.status_code == 200
    assert client.get("/admin/").status_code == 200
    assert entries.events[-1] == "accounts.sign_in.succeeded"

    stranger = Client()
    assert follow(stranger, path).context["token_fail"] is True
    assert stranger.get("/admin/").status_code == 302
    assert User.objects.get(email="ana@bay.example").check_password(people.PASSWORD)


@pytest.mark.parametrize(("name", "email"), [("", "a@b.example"), ("Bay Clinic", "not-an-address")])
def test_what_is_refused_leaves_nothing(db: None, jobs: object, name: str, email: str) -> None:
    with pytest.raises(CommandError):
        create(name, "--owner", email)
    assert not User.objects.exists()
    assert routing.organisations() == []


def test_make_clean_is_told_that_somebody_lives_here(db: None, jobs: object, settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    cleaning.note(Places(tmp_path), "demo")
    assert cleaning.strangers(Places(tmp_path)) == []
    create("Bay Clinic", "--owner", "ana@bay.example")
    assert cleaning.strangers(Places(tmp_path)) == [str(organisation) for organisation in routing.organisations()]

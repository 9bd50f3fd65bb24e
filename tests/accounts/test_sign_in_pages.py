"""Pages around sign-in: nobody signs up, nothing runs inline, a link sets a password once."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from accounts import operations, signin
from accounts.actors import Role
from tests.cast import PASSWORD, Cast

PAGES = ("/accounts/login/", "/accounts/password/reset/", "/accounts/password/reset/done/", "/accounts/signup/")


@pytest.mark.parametrize("path", PAGES)
def test_pages_run_nothing_inline_and_the_policy_forbids_it(path: str, db: None) -> None:
    answer = Client().get(path)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert not re.search(r"<script|<style|\son\w+=|\sstyle=|javascript:", text)
    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy
    assert text.count("<main") == text.count("<h1") == 1
    assert "accounts/sign-in.css" in text


def test_every_field_has_a_label_of_its_own(db: None) -> None:
    text = Client().get("/accounts/login/").content.decode()
    fields = re.findall(r'<input id="([^"]+)"', text)
    assert fields == ["id_login", "id_password", "id_remember"]
    for name in fields:
        assert f'<label for="{name}">' in text


def test_nobody_signs_up(db: None) -> None:
    login = Client().get("/accounts/login/").content.decode()
    assert "signup" not in login
    closed = Client().post("/accounts/signup/", {"email": "x@y.example", "password1": PASSWORD, "password2": PASSWORD})
    assert b"Sign Up Closed" in closed.content


def test_a_wrong_password_is_said_in_words_that_belong_to_the_form(cast: Cast) -> None:
    answer = Client().post("/accounts/login/", {"login": cast.officer.user.email, "password": "wrong"})
    assert answer.status_code == 200
    assert b'role="alert"' in answer.content


def test_a_new_member_sets_a_password_by_a_link_that_works_once(cast: Cast) -> None:
    user = operations.add_member(actor=cast.owner.actor, email="new@harbor.example", role=Role.OFFICER)
    link = signin.one_time_link(user, "")
    client: Any = Client()
    page = client.get(link, follow=True)
    assert "Set your password" in page.content.decode()
    form = page.redirect_chain[-1][0]
    short = client.post(form, {"password1": "short", "password2": "short"})
    assert b"at least 12 characters" in short.content
    words = {"password1": "a sentence is easy to keep", "password2": "a sentence is easy to keep"}
    assert client.post(form, words).status_code == 302
    assert client.get("/admin/").status_code == 200
    again = Client().get(link, follow=True)
    assert "This link is used up" in again.content.decode()


def test_signing_out_asks_once_and_then_the_console_is_closed(cast: Cast, console: Any) -> None:
    client = console(cast.officer)
    assert client.post("/admin/logout/").status_code == 302
    assert client.get("/admin/").status_code == 200
    assert b"Sign out" in client.get("/accounts/logout/").content
    client.post("/accounts/logout/")
    assert client.get("/admin/").status_code == 302


def test_forms_are_not_sent_with_a_null_origin(db: None) -> None:
    """Under `no-referrer` browsers send "Origin: null" with every form, and nobody could sign in."""
    assert Client().get("/accounts/login/")["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("name", ["sign-in.css", "console.css", "icon.svg"])
def test_what_pages_load_is_there_and_comes_from_here(name: str) -> None:
    found = finders.find(f"accounts/{name}")
    assert isinstance(found, str)
    with open(found, encoding="utf-8") as file:
        assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", file.read())

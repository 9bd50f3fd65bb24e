"""What every test can ask for: the cast, the jobs, signed-in clients."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import due_work
from accounts.models import DueWork
from compliance import jobs as queue
from compliance.vault.keystore import custody
from tests import cast as people
from tests.calls import arrived as arrived
from tests.calls import media as media
from tests.entries import entries as entries


class Jobs:
    """The queue of record, worked through by the test itself instead of a worker."""

    def __init__(self) -> None:
        self.rung: list[str] = []

    @property
    def names(self) -> list[str]:
        """Jobs that are due now."""
        return [name for name, _, _ in due_work.overdue(1000)]

    def drain(self, *, rounds: int = 50) -> list[str]:
        """Run what is due until nothing is; the names in order. Work that asks to be tried later stays."""
        done: list[str] = []
        for _ in range(rounds):
            due = due_work.overdue(1000)
            if not due:
                return done
            for name, _, object_id in due:
                if queue.run(name, object_id):
                    done.append(name)
        raise AssertionError(f"still due after {rounds} rounds: {self.names}")

    def settle(self, *, times: int = 4) -> list[str]:
        """As `drain`, and what asked to be tried later is tried again, this often: time passes without passing."""
        done = self.drain()
        for _ in range(times):
            DueWork.objects.update(due_at=timezone.now())
            done += self.drain()
        return done


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """No broker: bells are noted, the rows are the truth."""
    current_app.loader.import_default_modules()
    found = Jobs()

    def note(name: str, *_: Any, **__: Any) -> None:
        found.rung.append(name)

    monkeypatch.setattr(current_app, "send_task", note)
    return found


@pytest.fixture(autouse=True)
def _forget_keys() -> Iterator[None]:
    """The key cache belongs to the process; a rolled-back test must not leave its keys to the next, nor the marks of
    its destructions in the store that all share.
    """
    yield
    custody.forget()
    shutil.rmtree(Path(os.environ["VAR_DIR"]) / "store" / "tombstones" / "marks", ignore_errors=True)


@pytest.fixture
def cast(db: None, jobs: Jobs) -> people.Cast:
    """Everybody, in a transaction that is rolled back."""
    return people.assemble()


@pytest.fixture
def committed_cast(committed_db: Any, jobs: Jobs) -> people.Cast:
    """Everybody, really committed in databases of this test's own."""
    return people.assemble()


@pytest.fixture
def api(cast: people.Cast) -> APIClient:
    """The robot's client."""
    return key_client(cast.robot_key)


@pytest.fixture
def outsider_api(cast: people.Cast) -> APIClient:
    """The other organisation's robot."""
    return key_client(cast.outsider_key)


@pytest.fixture
def signed_in(cast: people.Cast) -> Callable[[people.Member], APIClient]:
    """A client with a member's session."""

    def sign_in(member: people.Member) -> APIClient:
        client = APIClient()
        client.force_login(member.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return sign_in


@pytest.fixture
def console(cast: people.Cast) -> Callable[[people.Member], Client]:
    """A browser-like client with a member's session, for pages."""

    def sign_in(member: people.Member) -> Client:
        client = Client()
        client.force_login(member.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return sign_in


def key_client(key: str) -> APIClient:
    """A client that shows an API key."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client

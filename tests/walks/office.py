"""An office at work over HTTP: a robot, an officer and a reviewer at their desks, the workers behind, a platform
outside.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.test import Client
from rest_framework.test import APIClient

from accounts import due_work
from compliance import jobs as queue
from compliance.config import samples
from compliance.embedded.places import PROJECT
from tests import conftest
from tests.calls import Media, Platform, connect
from tests.cast import Cast, Member
from tests.database import Databases
from tests.log import publish_log

MARIA = {"name": "Maria Delgado", "email": "maria.delgado@example.com"}
HERS = ("01", "05")
SOMEBODY_ELSES = "02"
EVIDENCE = "Support case 4711 of the platform: deletion confirmed in writing."

_ROUNDS = 30


@dataclass
class Office:
    """Everybody, and everything that they need."""

    databases: Databases
    cast: Cast
    media: Media
    platform: Platform

    def __post_init__(self) -> None:
        self.robot = conftest.key_client(self.cast.robot_key)
        self.officer = _signed_in(self.cast.officer)
        self.reviewer = _signed_in(self.cast.colleague)

    # --- what goes on by itself -------------------------------------------------------------------

    def work(self) -> None:
        """Workers, scheduler and sequencer, until waiting changes nothing any more."""
        stuck: list[tuple[str, str]] = []
        for _ in range(_ROUNDS):
            for name, _, object_id in due_work.overdue(1000):
                queue.run(name, object_id)
            publish_log()
            self.databases.let_time_pass()
            left = sorted((name, str(object_id)) for name, _, object_id in due_work.overdue(1000))
            if not left or (left == stuck and self._only_waits_for_the_platform(left)):
                return
            stuck = left
        raise AssertionError(f"still at work after {_ROUNDS} rounds: {stuck}")

    def _only_waits_for_the_platform(self, left: list[tuple[str, str]]) -> bool:
        return {name for name, _ in left} <= {"retention.check_location", "dsr.fulfil_request"}

    # --- the platform -----------------------------------------------------------------------------

    def deliver(self, *names: str, **changes: Any) -> list[Any]:
        """The platform tells of these sample calls; its answers."""
        told = [sample for sample in samples.samples(self.media.url) if sample.name[:2] in names]
        bodies = [sample.body | {"callData": sample.body["callData"] | changes} for sample in told]
        return [self.platform.deliver(body) for body in bodies]

    def platform_deletes(self, *names: str) -> None:
        """Its people take the originals away; an officer has every open place asked, and attests those that have no
        address.
        """
        for name in [file for file in self.media.files if file.startswith(names)]:
            del self.media.files[name]
        for place in ok(self.robot.get("/api/v1/deletion-debt", {"limit": 200}))["results"]:
            path = f"/api/v1/locations/{place['id']}"
            if not ok(self.officer.post(f"{path}/check"))["is_gone"]:
                ok(self.officer.post(f"{path}/attestation", {"evidence": EVIDENCE}, format="json"))

    # --- requests ---------------------------------------------------------------------------------

    def approved_request(self, *rights: str, person: Mapping[str, str] = MARIA) -> str:
        """Received, verified by code, located, proposed by the officer, approved by somebody else."""
        body = {
            "rights": list(rights),
            "regime": "us-ca",
            "place": "US-CA",
            "identities": [{"kind": "email", "value": person["email"].title()}],
            "person": person,
        }
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        made = ok(self.robot.post("/api/v1/requests", body, format="json", headers=headers), 201)
        address = f"/api/v1/requests/{made['id']}"
        ok(self.robot.post(f"{address}/codes", {"claim": made["identities"][0]["id"]}, format="json"), 202)
        ok(self.robot.post(f"{address}/verification", {"code": "00000000"}, format="json"), 400)
        code = code_in(self.letters(made["id"], "one_time_code")[-1])
        ok(self.robot.post(f"{address}/verification", {"code": code}, format="json"))
        self.work()
        digest = {"plan_digest": ok(self.officer.get(f"{address}/plan"))["plan_digest"]}
        ok(self.officer.post(f"{address}/proposal"))
        assert ok(self.officer.post(f"{address}/approval", digest, format="json"), 403)["code"] == "own_proposal"
        ok(self.reviewer.post(f"{address}/approval", digest, format="json"))
        return str(made["id"])

    def read(self, request_id: str) -> dict[str, Any]:
        found: dict[str, Any] = ok(self.robot.get(f"/api/v1/requests/{request_id}"))
        return found

    def letters(self, request_id: str, template: str) -> list[str]:
        """The words of a request's letters of one kind, oldest first."""
        rows = ok(self.officer.get(f"/api/v1/requests/{request_id}/letters"))["results"]
        found = sorted((row["created_at"], row["id"]) for row in rows if row["template"] == template)
        return [ok(self.officer.get(f"/api/v1/letters/{id_}"))["body"] for _, id_ in found]

    def certificate(self, request_id: str, number: int) -> bytes:
        answer = self.robot.get(f"/api/v1/requests/{request_id}/certificates/{number}")
        assert answer.status_code == 200, answer.content
        return bytes(answer.content)

    def call(self, name: str) -> dict[str, Any]:
        """One of the sample calls as the register has it now, found by the platform's id."""
        found: dict[str, Any] = ok(self.robot.get(f"/api/v1/calls/call_s{name}"))
        return found

    def vkey(self) -> str:
        """The log's key, as an outsider is told it."""
        answer: Any = self.robot.get(f"/log/{self.cast.organisation_id}/keys")
        assert answer.status_code == 200
        return str(answer.content.decode().split("\n")[0])


def open_office(databases: Databases, cast: Cast, media: Media) -> Office:
    """With three calls in the register: two of Maria's, one of somebody else's."""
    office = Office(databases, cast, media, connect(cast))
    for answer in office.deliver(*HERS, SOMEBODY_ELSES):
        assert answer.status_code == 202, answer.content
    office.work()
    return office


def ok(answer: Any, status: int = 200) -> Any:
    """The JSON of an answer that has this status."""
    assert answer.status_code == status, (answer.status_code, answer.content)
    return json.loads(answer.content) if answer.content else None


def code_in(words: str) -> str:
    """The one-time code of a letter."""
    found = re.search(r"\b(\d{8})\b", words)
    assert found is not None
    return found.group(1)


def verify(path: Path, vkey: str) -> int:
    """The exit code of the command that an outsider runs, with nothing of ours in its environment."""
    command = [sys.executable, "-m", "audit.verify", str(path), "--key", vkey]
    bare: Mapping[str, str] = {"PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=PROJECT, env=bare, capture_output=True, check=False).returncode


def _signed_in(member: Member) -> APIClient:
    client = APIClient()
    client.force_login(member.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def browser() -> Client:
    """Somebody without an account."""
    return Client()

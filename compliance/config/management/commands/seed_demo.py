"""The demo organisation: people, a DialGen connection, agents with their prompts, and the seven sample calls by
webhook.

Does nothing where an organisation exists already, except to write the addresses of this start into run.json.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts import operations, routing, tenancy
from accounts.actors import Actor, ActorKind, Role
from accounts.models import User
from compliance.config import samples
from compliance.connectors import access as connections
from compliance.connectors import operations as connectors
from compliance.connectors.providers import registry
from compliance.connectors.providers.base import SecretOrigin
from compliance.disclosure.operations import prompts

ORGANISATION = "Harbor Dental (demo)"
SCOPES = (
    "calls:read", "calls:content", "calls:write", "requests:read", "requests:write", "agents:read", "agents:write",
    "disclosure:check", "connections:read", "holds:write", "log:read",
)  # fmt: skip
# external id: (name, languages, places of the operator, purpose)
AGENTS = {
    "agent_frontdesk": ("Front desk", ["en-US"], ["US-CA"], "appointment booking"),
    "agent_outreach": ("Outreach", ["en-US"], ["US-WA"], "calls about open invoices"),
    "agent_billing": ("Billing", ["en-US"], ["US-CA"], "payment of invoices"),
    "agent_frontdesk_de": ("Empfang", ["de-DE"], ["DE"], "Terminvergabe"),
    "agent_inventory": ("Inventory", ["en-US"], ["US-IL"], "stock taking"),
}
PROMPTS = {
    "agent_frontdesk": (
        "You answer the telephone of a dental practice.\n\n# Greeting\n"
        'Say first: "Hello, thank you for calling Harbor Dental. This call may be recorded for quality and training '
        'purposes, and I am an automated assistant. How can I help you today?"'
        "\n\nKeep answers short. Offer the next free slots."
    ),
    "agent_outreach": (
        "You call patients about open invoices.\n\n"
        'Open with: "Hi, this is Harbor Dental calling about your account."\n\n'
        "Be friendly. Offer payment by card on the call."
    ),
}


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--base-url", required=True)
        parser.add_argument("--media-root-url", required=True, help="where the fetcher finds the sample audio")
        parser.add_argument("--media-folder", type=Path, default=settings.VAR_DIR / "media", help="folder behind it")
        parser.add_argument("--run-json", type=Path, required=True)
        parser.add_argument("--no-calls", action="store_true", help="people and connection only")

    def handle(self, *args: Any, **options: Any) -> None:
        known = json.loads(options["run_json"].read_text()) if options["run_json"].exists() else None
        if known is None and routing.organisations():
            self.stdout.write("There is an organisation already; the demo is left out.")
            return
        facts = known or self._create()
        facts["base_url"] = options["base_url"]
        facts["webhook_urls"] = {
            name: _rebased(url, options["base_url"]) for name, url in facts["webhook_urls"].items()
        }
        facts["media_hosts"] = settings.FETCH_TEST_HOSTS
        _write_private(options["run_json"], facts)
        _serve_audio(options["media_folder"])
        if known is None and not options["no_calls"]:
            self._send_calls(facts, options["media_root_url"])

    def _create(self) -> dict[str, Any]:
        organisation, owner = operations.create_organisation(
            new=operations.NewOrganisation(
                ORGANISATION,
                "owner@harbor.example",
                country="US-CA",
                contact_email="privacy@harbor.example",
                is_demo=True,
            )
        )
        root = Actor(kind=ActorKind.PERSON, organisation_id=organisation.id, id=owner.id, role=Role.OWNER)
        passwords = {
            name: secrets.token_urlsafe(12) for name in ("owner", "officer", "reviewer", "auditor", "engineer")
        }
        with tenancy.scope(organisation.id):
            _set_password(owner, passwords["owner"])
        people = {"owner": {"email": owner.email, "password": passwords["owner"]}}
        for role in (Role.OFFICER, Role.REVIEWER, Role.AUDITOR, Role.ENGINEER):
            email = f"{role.value}@harbor.example"
            operations.add_member(
                actor=root, email=email, role=role, name=role.value.title(), password=passwords[role.value]
            )
            people[role.value] = {"email": email, "password": passwords[role.value]}
        _, key = operations.issue_api_key(actor=root, name="demo", scopes=SCOPES, purpose="quality assurance")
        addresses = {"dialgen": _connect(root)} | _connect_the_others(root)
        return {
            "organisation": str(organisation.id),
            **people,
            "api_key": key,
            "webhook_urls": {platform: url for platform, (_, url) in addresses.items()},
            "webhook_secrets": {platform: secret for platform, (secret, _) in addresses.items()},
        }

    def _send_calls(self, facts: dict[str, Any], media_url: str) -> None:
        headers = {"Authorization": f"Bearer {facts['webhook_secrets']['dialgen']}"}
        with httpx.Client(headers=headers, timeout=30, trust_env=False) as client:
            # As if they had been made in the last days: a demo whose recordings are past their time would delete them.
            calls = list(samples.samples(media_url))
            newest = max(datetime.fromisoformat(one.body["callData"]["startTime"]) for one in calls)
            days = (timezone.now() - newest).days - 1
            for sample in calls:
                body = samples.moved(sample.body, max(days, 0))
                client.post(facts["webhook_urls"]["dialgen"], json=body).raise_for_status()


def _connect(root: Actor) -> tuple[str, str]:
    """A DialGen connection that may fetch from the media server, and the sample agents with their prompts."""
    new = connectors.NewConnection(
        platform="dialgen",
        name="DialGen (demo)",
        account_id="user_456",
        allowed_hosts=["recordings.dialgen.example"],
        governance=connections.Governance(
            ("appointment booking", "quality assurance"), "legitimate_interests", ("DialGen (processor)",)
        ),
    )
    made = connectors.create_connection(actor=root, new=new)
    for external_id, (name, languages, jurisdictions, purpose) in AGENTS.items():
        agent = connectors.ensure_agent(actor=root, connection_id=made.connection.id, external_id=external_id)
        details = connectors.AgentDetails(
            name=name,
            languages=languages,
            jurisdictions=jurisdictions,
            governance=connections.Governance((purpose,), "legitimate_interests", ("DialGen (processor)",)),
        )
        connectors.set_agent(actor=root, agent_id=agent.id, details=details)
        if external_id in PROMPTS:
            prompts.submit_prompt(
                actor=root,
                agent=agent.id,
                text=PROMPTS[external_id],
                language=languages[0],
                jurisdictions=jurisdictions,
            )
    return made.token, made.url


def _connect_the_others(root: Actor) -> dict[str, tuple[str, str]]:
    """One account at every other platform, so that each can be tried: its secret and its address."""
    made = {}
    for name in registry.names():
        if name == "dialgen":
            continue
        provider = registry.provider_for(name)
        is_theirs = provider.secret_origin is SecretOrigin.THEIRS
        new = connectors.NewConnection(
            platform=name,
            name=f"{provider.label} (demo)",
            webhook_secret=secrets.token_hex(24) if is_theirs else "",
            governance=connections.Governance(
                ("appointment booking",), "legitimate_interests", (f"{provider.label} (processor)",)
            ),
        )
        address = connectors.create_connection(actor=root, new=new)
        made[name] = (new.webhook_secret or address.token, address.url)
    return made


def _set_password(user: User, password: str) -> None:
    user.set_password(password)
    user.save(update_fields=["password"])


def _rebased(url: str, base_url: str) -> str:
    return base_url.rstrip("/") + urlsplit(url).path


def _write_private(path: Path, facts: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(facts, file, indent=2)
    part.replace(path)


def _serve_audio(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for audio in samples.FOLDER.glob("*.mp3"):
        if not (folder / audio.name).exists():
            shutil.copyfile(audio, folder / audio.name)

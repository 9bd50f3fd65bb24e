"""Rows of before: each version begins a term, of each thing one audit is the newest, and reports can count them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import psycopg
import pytest

from accounts import tenancy
from accounts.actors import Actor
from compliance.connectors import operations as connectors
from compliance.disclosure import rules, standing
from compliance.disclosure.models import PromptTerm
from compliance.disclosure.operations import auditing, prompts
from tests.cast import Cast
from tests.compliance.disclosure import conftest as room
from tests.compliance.disclosure.conftest import DISCLOSED, SILENT

migration = import_module("compliance.disclosure.migrations.0007_terms_and_newest_of_what_is_there")
BEFORE = """
    DELETE FROM disclosure_promptterm;
    UPDATE disclosure_disclosureaudit SET is_newest = true, agent_id = NULL, held_at = now();
"""


def test_what_was_there_before_is_filled_in(
    committed_db: Any, committed_cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = committed_cast
    agent = connectors.register_agent(actor=cast.engineer.actor, external_id="agent_frontdesk")
    versions = [
        prompts.submit_prompt(
            actor=cast.engineer.actor, agent=agent.id, text=text, language="en", jurisdictions=["US-CA"]
        ).prompt
        for text in (SILENT, DISCLOSED)
    ]
    scheduler = Actor.scheduler(cast.organisation_id)
    for judging in (rules.JUDGING_VERSION, "9-000000000000"):
        monkeypatch.setattr(rules, "JUDGING_VERSION", judging)
        for version in versions:
            auditing.audit_prompt(actor=scheduler, prompt_id=version.id)
    before = [(one.id, one.is_newest, one.agent_id, one.held_at) for one in room.audits(cast.engineer.actor)]
    assert [row[1] for row in before] == [False, False, True, True]
    with psycopg.connect(committed_db.owner_url) as owner:
        owner.execute(migration.each("NO FORCE") + BEFORE + migration.each("FORCE"))
        owner.execute(migration.each("NO FORCE") + migration.FORWARD + migration.each("FORCE"))
    after = [(one.id, one.is_newest, one.agent_id, one.held_at) for one in room.audits(cast.engineer.actor)]
    assert after == before
    with tenancy.scope(cast.organisation_id):
        terms = PromptTerm.objects.for_organisation(cast.organisation_id).order_by("begins_at")
        found = [(term.prompt_id, term.agent_id, term.begins_at) for term in terms]
        assert standing.decided(cast.organisation_id).ids == {}
    assert found == [(version.id, agent.id, version.submitted_at) for version in versions]
    with tenancy.scope(cast.other_organisation.id):
        assert not PromptTerm.objects.for_organisation(cast.organisation_id).exists()  # the wall is up again

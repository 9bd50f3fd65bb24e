"""The seed's opening message: it passes in California; in Germany it asks nobody, and the console says why and how to
mend it. Over the HTTP check, and as an agent's prompt.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from rest_framework.test import APIClient

from compliance.disclosure import standing
from compliance.disclosure.operations import overrides
from compliance.disclosure.operations.overrides import NewOverride
from compliance.embedded.places import PROJECT
from tests.cast import Cast
from tests.compliance.disclosure import conftest as room
from tests.walks.desk import Desk, page_of

CHECKS = "/api/v1/disclosure/checks"
SAMPLE = PROJECT / "samples" / "edge" / "e10_prompt_only.transcript.json"
MESSAGE: str = json.loads(SAMPLE.read_text())["transcription"][0]["content"]
WORDS = "This call may be recorded for quality and training purposes."


def checked(api: APIClient, prompt: str, place: str) -> dict[str, Any]:
    body = {"prompt": prompt, "language": "en-US", "jurisdictions": [place]}
    answer = api.post(CHECKS, body, format="json")
    assert answer.status_code == 200
    return dict(answer.json())


def submitted(api: APIClient, prompt: str, place: str) -> dict[str, Any]:
    body = {"prompt": prompt, "language": "en-US", "jurisdictions": [place]}
    return dict(api.put("/api/v1/agents/agent_seed/prompt", body, format="json").json())


def made(prompt: str, edits: list[dict[str, Any]]) -> str:
    for edit in sorted(edits, key=lambda one: one["start"], reverse=True):
        prompt = prompt[: edit["start"]] + edit["text"] + prompt[edit["end"] :]
    return prompt


def test_it_passes_in_california(api: APIClient) -> None:
    found = checked(api, MESSAGE, "US-CA")
    assert (found["verdict"], found["reasons"], found["evidence"]) == ("pass", ["disclosed"], WORDS)
    assert all(one["passed"] for one in found["checks"])
    assert submitted(api, MESSAGE, "US-CA")["verdict"] == "pass"


def test_in_germany_nobody_is_asked_and_the_fix_works(api: APIClient) -> None:
    found = checked(api, MESSAGE, "DE")
    assert (found["verdict"], found["reasons"]) == ("fail", ["consent_not_requested"])
    assert (found["evidence"], found["jurisdiction"]["class"]) == (WORDS, "express")
    assert found["jurisdiction"]["why"] == ["DE: express (StGB 201(1); GDPR Art 6(1)(a), 13)"]
    mended = made(MESSAGE, found["edits"])
    assert mended != MESSAGE
    assert found["fix"] in mended
    assert checked(api, mended, "DE")["verdict"] == "pass"


def test_the_same_of_a_submitted_prompt_up_to_the_mended_one(api: APIClient, cast: Cast) -> None:
    first = submitted(api, MESSAGE, "DE")
    assert (first["verdict"], first["audit"]["reasons"]) == ("fail", ["consent_not_requested"])
    found = api.get(f"/api/v1/disclosure/audits/{first['audit']['id']}/explanation").json()
    assert (found["evidence"], found["has_other_rules"]) == (WORDS, False)
    assert found["patched"] == made(MESSAGE, found["edits"])
    second = submitted(api, found["patched"], "DE")
    assert (second["number"], second["verdict"]) == (2, "pass")
    assert [one.resolution for one in room.findings(cast.engineer.actor)] == ["fixed"]


def test_the_console_shows_why(api: APIClient, cast: Cast, console: Any) -> None:
    audit = submitted(api, MESSAGE, "DE")["audit"]
    page = Desk(console(cast.engineer)).open(page_of("disclosure.DisclosureAudit", audit["id"]))
    fix = api.get(f"/api/v1/disclosure/audits/{audit['id']}/explanation").json()["fix"]
    for words in (
        "The caller is told but not asked; here a spoken yes is needed.",
        "the caller must be told and asked, and must say yes",
        "DE: express (StGB 201(1); GDPR Art 6(1)(a), 13)",
        WORDS,
        fix,
        "With all of these changes the prompt passes",
    ):
        assert words in page, words


# --- what is kept beside the verdict ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "place", "demand", "met", "verdict"),
    [
        (MESSAGE, "FR", "always", "unmet", "pass"),
        (MESSAGE, "US-TX", "no_deception", "met", "pass"),
        (MESSAGE, "JP", "none", "none", "pass"),
        (MESSAGE + " I am an AI assistant.", "FR", "always", "met", "pass"),
    ],
)
def test_the_ai_check_stands_apart(
    api: APIClient, prompt: str, place: str, demand: str, met: str, verdict: str
) -> None:
    found = submitted(api, prompt, place)
    assert (found["verdict"], found["audit"]["ai_check"]) == (verdict, met)
    assert found["audit"]["details"]["ai_check"]["demand"] == demand
    asked = {
        one: len(api.get("/api/v1/disclosure/audits", {"ai_check": one}).json()["results"]) for one in ("met", "unmet")
    }
    assert asked == {"met": met == "met", "unmet": met == "unmet"}


def test_checks_are_kept_as_codes_and_offsets(api: APIClient) -> None:
    found = submitted(api, MESSAGE, "DE")["audit"]
    failed = {one["id"]: one["span"] for one in found["details"]["checks"] if not one["passed"]}
    assert list(failed) == ["consent"]
    assert MESSAGE[slice(*found["details"]["evidence"])] == WORDS
    assert "quality" not in json.dumps(found)


def test_law_that_nobody_looked_at_is_said_in_audits_and_checks(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = submitted(api, MESSAGE, "DE")["audit"]
    assert (now["warnings"], now["details"]["outdated"]) == ([], [])
    monkeypatch.setattr(standing, "today", lambda: date(2028, 1, 1))  # the key would have ended by then
    warned = ["DE: last reviewed on 2026-11-22, more than twelve months ago"]
    assert checked(api, MESSAGE, "DE")["warnings"][:1] == warned
    assert api.get(f"/api/v1/disclosure/audits/{now['id']}").json()["warnings"][:1] == warned
    assert submitted(api, MESSAGE + " ", "DE")["audit"]["details"]["outdated"][:1] == warned


def test_an_explanation_says_that_the_law_has_moved(api: APIClient, cast: Cast) -> None:
    audit = submitted(api, MESSAGE, "US-CA")["audit"]
    path = f"/api/v1/disclosure/audits/{audit['id']}/explanation"
    overrides.set_override(actor=cast.officer.actor, new=NewOverride("US-CA", "express", False, "Counsel"))
    found = api.get(path).json()
    assert (found["has_other_rules"], found["verdict_now"], audit["verdict"]) == (True, "fail", "pass")

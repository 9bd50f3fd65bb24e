"""Log lines say where something went wrong and never about whom. Checked on a process of its own, as an operator reads
it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from compliance.embedded.places import PROJECT

SECRETS = ("Delgado", "4155550132", "maria@home.example", "whsec_topsecret", "tok3n-of-a-link")

PROGRAM = """
import logging
import os

os.environ["DJANGO_SETTINGS_MODULE"] = "compliance.config.settings"
import django

django.setup()
import structlog
from django.test import Client

line, plain = structlog.get_logger("ours"), logging.getLogger("theirs")

def fail():
    raise ValueError("Maria Delgado <maria@home.example>")

def fail_on_top():
    try:
        fail()
    except ValueError as error:
        raise LookupError("no row for 4155550132") from error

line.info("jobs.refused", job="recordings.fetch_recording", code="gone")
for log in (line, plain):
    try:
        fail_on_top()
    except LookupError:
        log.exception("went wrong")
line.info("named", email="maria@home.example", phone="4155550132", token="tok3n-of-a-link", url="https://x/4155550132")
plain.warning("by the way", extra={"body": "Maria Delgado"})
client = Client(raise_request_exception=False)
client.get("/api/v1/calls?agent=4155550132", headers={"authorization": "Bearer cw_aaaaaaaaaaaa_" + "b" * 43})
client.get("/play/tok3n-of-a-link?who=Delgado")
client.get("/", headers={"host": "tok3n-of-a-link.example"})
Client(enforce_csrf_checks=True).post("/packages/tok3n-of-a-link?phone=4155550132", {"code": "1"})
client.post("/hooks/dialgen/tok3n-of-a-link", b"Delgado", content_type="application/json")
logging.getLogger("celery.app.trace").error("Task x raised: %s", ValueError("Delgado"), exc_info=ValueError("Delgado"))
"""


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    """What the program above writes."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PATH": os.environ["PATH"], "CALLWARDEN_PROFILE": "tool"},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_each_line_is_json_with_time_level_and_place(lines: list[dict[str, Any]]) -> None:
    assert len(lines) >= 8
    for line in lines:
        assert {"event", "level", "logger", "timestamp"} <= set(line)
        assert line["timestamp"].endswith("Z")
    assert lines[0]["job"] == "recordings.fetch_recording"


@pytest.mark.parametrize("secret", SECRETS)
def test_no_line_is_about_somebody(lines: list[dict[str, Any]], secret: str) -> None:
    assert [line for line in lines if secret in json.dumps(line)] == []


def test_an_error_is_its_type_and_where_it_came_from(lines: list[dict[str, Any]]) -> None:
    found = [line for line in lines if line["event"] == "went wrong"]
    assert [(line["logger"], line["error"]) for line in found] == [("ours", "LookupError"), ("theirs", "LookupError")]
    for line in found:
        assert "<string>:" in line["at"]
        assert "exception" not in line


def test_a_request_that_fails_is_told_without_its_address(lines: list[dict[str, Any]]) -> None:
    failed = [line for line in lines if line["logger"] == "django.request"]
    assert failed
    assert {line["event"] for line in failed} == {"Internal Server Error"}
    assert {line["error"] for line in failed} == {"OperationalError"}


def test_a_refused_form_is_told_without_its_address(lines: list[dict[str, Any]]) -> None:
    (line,) = [line for line in lines if line["logger"] == "django.security.csrf"]
    assert line["level"] == "warning"
    assert "/" not in line["event"]


def test_fields_that_could_identify_are_struck_out(lines: list[dict[str, Any]]) -> None:
    (line,) = [line for line in lines if line["event"] == "named"]
    assert {line[name] for name in ("email", "phone", "token", "url")} == {"[redacted]"}

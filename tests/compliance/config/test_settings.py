"""The settings refuse to start on default secrets, on nonsense, and on what belongs to another profile."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from compliance.config import environment
from compliance.embedded.places import PROJECT

URL = "postgresql://callwarden_app@127.0.0.1:1/none"
PRODUCTION = {
    "CALLWARDEN_PROFILE": "production",
    "SECRET_KEY": secrets.token_hex(32),
    "PLAYBACK_KEY": secrets.token_hex(32),
    "DATABASE_URL": URL,
    "KEYS_DATABASE_URL": URL,
    "SEQUENCER_DATABASE_URL": URL,
    "BROKER_URL": "redis://127.0.0.1:1/0",
    "STORAGE_URL": "s3://bucket?endpoint=http://127.0.0.1:1",
    "PUBLIC_URL": "https://callwarden.example",
    "ALLOWED_HOSTS": "callwarden.example",
}


def start(**changes: str | None) -> subprocess.CompletedProcess[str]:
    """The settings read in a process of their own; None takes a variable away."""
    given = {"PATH": os.environ["PATH"]} | PRODUCTION | changes
    return subprocess.run(
        [sys.executable, "-c", "import compliance.config.settings as s; print(s.DEBUG, s.SESSION_COOKIE_SECURE)"],
        env={name: value for name, value in given.items() if value is not None},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_production_starts_when_everything_is_given() -> None:
    done = start()
    assert (done.returncode, done.stdout) == (0, "False True\n"), done.stderr


def test_production_is_what_nobody_chose() -> None:
    assert "SECRET_KEY must be set" in start(CALLWARDEN_PROFILE=None, SECRET_KEY=None).stderr


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY must be set"),
        ({"SECRET_KEY": ""}, "SECRET_KEY must be a random secret"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY must be a random secret"),
        ({"SECRET_KEY": "django-insecure-" + "a1" * 20}, "SECRET_KEY must be a random secret"),
        ({"SECRET_KEY": "change-me-" * 6}, "SECRET_KEY must be a random secret"),
        ({"PLAYBACK_KEY": None}, "PLAYBACK_KEY must be set"),
        ({"PLAYBACK_KEY": PRODUCTION["SECRET_KEY"]}, "PLAYBACK_KEY must differ"),
        ({"DATABASE_URL": None}, "DATABASE_URL must be set"),
        ({"DATABASE_URL": "mysql://a@b/c"}, "DATABASE_URL must be a postgresql:// address"),
        ({"KEYS_DATABASE_URL": None}, "KEYS_DATABASE_URL must be set"),
        ({"BROKER_URL": None}, "BROKER_URL must be set"),
        ({"STORAGE_URL": None}, "STORAGE_URL must be"),
        ({"STORAGE_URL": "ftp://x"}, "STORAGE_URL must be"),
        ({"FETCH_TEST_HOSTS": "127.0.0.1:9"}, "FETCH_TEST_HOSTS works in the embedded profile only"),
        ({"FETCH_MAX_BYTES": "much"}, "FETCH_MAX_BYTES must be a whole number"),
        ({"BEHIND_PROXY": "perhaps"}, "BEHIND_PROXY must be true or false"),
        ({"CALLWARDEN_PROFILE": "debug"}, "CALLWARDEN_PROFILE must be"),
    ],
)
def test_what_stops_the_start(changes: dict[str, str | None], complaint: str) -> None:
    done = start(**changes)
    assert done.returncode != 0
    said = done.stderr.strip().splitlines()[-1]
    assert complaint in said
    for name, value in changes.items():
        assert value is None or name == "CALLWARDEN_PROFILE" or len(value) < 6 or value not in said


def test_a_secret_may_lie_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "url").write_text("postgresql://a:b@c/d\n")
    monkeypatch.setenv("SOME_URL_FILE", str(tmp_path / "url"))
    assert environment.text("SOME_URL") == "postgresql://a:b@c/d"


def test_a_database_address_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_URL", "postgresql://me:p%40ss@db.example:6543/my%20data?sslmode=verify-full")
    found = environment.database("SOME_URL")
    assert {name: found[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")} == {
        "NAME": "my data",
        "USER": "me",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "6543",
    }
    assert (found["OPTIONS"]["sslmode"], found["OPTIONS"]["application_name"]) == ("verify-full", "callwarden")

"""What cannot be run here is at least checked against its schema: the compose file, the image, the locks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from compliance.embedded.places import PROJECT

_BIN = Path(sys.executable).parent
_COMPOSE = PROJECT / "docker-compose.yml"


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)


def test_the_compose_file_follows_the_compose_schema() -> None:
    answer = _run(_BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", _COMPOSE)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_compose_schema_would_notice_a_misspelt_key(tmp_path: Path) -> None:
    broken = tmp_path / "compose.yml"
    broken.write_text(_COMPOSE.read_text().replace("stop_grace_period", "stop_grace_perod"))
    answer = _run(_BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", broken)
    assert answer.returncode == 1, answer.stdout + answer.stderr


def test_the_dockerfile_has_no_findings() -> None:
    hadolint = _BIN / "hadolint"
    if not hadolint.exists():
        pytest.skip("hadolint has no file for this platform")
    answer = _run(hadolint, PROJECT / "Dockerfile")
    assert answer.returncode == 0, answer.stdout


def test_every_process_of_the_design_has_a_service() -> None:
    services = set(yaml.safe_load(_COMPOSE.read_text())["services"])
    assert services >= {"db", "keys-db", "valkey", "s3", "migrate", "web", "worker", "scheduler", "sequencer"}


def test_data_and_keys_lie_in_different_clusters() -> None:
    environment = yaml.safe_load(_COMPOSE.read_text())["services"]["web"]["environment"]
    hosts = {name: re.search(r"@([a-z-]+):", environment[name]) for name in ("DATABASE_URL", "KEYS_DATABASE_URL")}
    assert {name: found and found.group(1) for name, found in hosts.items()} == {
        "DATABASE_URL": "db",
        "KEYS_DATABASE_URL": "keys-db",
    }


def test_only_the_migration_gets_the_owner() -> None:
    services = yaml.safe_load(_COMPOSE.read_text())["services"]
    owners = [name for name, service in services.items() if "DATABASE_OWNER_URL" in service.get("environment", {})]
    assert owners == ["migrate"]


@pytest.mark.parametrize("name", ["run.txt", "dev.txt"])
def test_locks_have_hashes_and_name_no_host(name: str) -> None:
    lock = (PROJECT / "requirements" / name).read_text()
    packages = re.findall(r"^[a-z0-9][^ ]*==", lock, re.MULTILINE)
    assert len(packages) > 80
    assert lock.count("--hash=sha256:") >= len(packages)
    assert not re.search(r"://|--index|--find-links|--trusted", lock)


def test_the_run_lock_is_part_of_the_development_lock() -> None:
    pins = [
        set(re.findall(r"^\S+==\S+", (PROJECT / "requirements" / name).read_text(), re.MULTILINE))
        for name in ("run.txt", "dev.txt")
    ]
    assert pins[0] <= pins[1]

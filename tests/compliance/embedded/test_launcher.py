"""The launcher refuses cleanly: one message, no half-started instance."""

from __future__ import annotations

import fcntl
import socket
from pathlib import Path

import pytest

from compliance.embedded import commands
from compliance.embedded.launcher import Launcher, Options
from compliance.embedded.places import LauncherError, Places


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    places = Places(tmp_path / "var")
    places.make()
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        with pytest.raises(LauncherError, match=f"Port {port} is taken"):
            Launcher(Options(places.var, port), places).start()
    assert not list(places.pids.iterdir())
    assert not (places.var / "postgres").exists()


def test_a_second_instance_in_the_same_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = Places(tmp_path / "var")
    places.make()
    with (places.var / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert commands.main(["run", "--var", str(places.var), "--port", "1"]) == 1
    assert "Another instance is running" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_a_port_that_is_none_is_a_usage_error(port: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        commands.main(["run", f"--port={port}"])
    assert stopped.value.code == 2


def test_secrets_are_closed_to_others(tmp_path: Path) -> None:
    places = Places(tmp_path / "var")
    places.make()
    assert places.secrets.stat().st_mode & 0o777 == 0o700

"""Loopback ports: free ones, and the same ones again."""

from __future__ import annotations

import socket
from pathlib import Path

from compliance.embedded import ports


def test_a_free_port_can_be_used() -> None:
    port = ports.free_port()
    assert ports.is_free(port)
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
        server.listen()
        assert not ports.is_free(port)


def test_a_free_port_stays_below_the_limit() -> None:
    assert all(ports.free_port(below=50_000) < 50_000 for _ in range(20))


def test_a_port_is_remembered_between_starts(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = ports.RememberedPorts(file).port("media")
    assert ports.RememberedPorts(file).port("media") == first


def test_a_taken_port_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = ports.RememberedPorts(file).port("media")
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", first))
        stranger.listen()
        assert ports.RememberedPorts(file).port("media") != first


def test_two_names_get_two_ports(tmp_path: Path) -> None:
    remembered = ports.RememberedPorts(tmp_path / "ports.json")
    assert remembered.port("media") != remembered.port("quiet")


def test_a_broken_file_is_started_over(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    file.write_text("[not what was written")
    assert ports.is_free(ports.RememberedPorts(file).port("media"))

"""Free loopback ports. A port found free may be taken before it is used, so whoever starts a server tries again."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from compliance.embedded.places import write_private


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(*, below: int = 65536) -> int:
    """A free loopback port, chosen by the system."""
    for _ in range(200):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < below:
            return port
    raise OSError(f"no free loopback port below {below}")


class RememberedPorts:
    """Ports by name, the same on every start while they are free: links to the sample media stay good."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ports: dict[str, int] = _read(path)
        self._settled: set[str] = set()

    def port(self, name: str) -> int:
        """The port kept for `name`, or a new one where that was taken when it was first asked for."""
        if name in self._settled:
            return self._ports[name]
        port = self._ports.get(name)
        if port is None or not is_free(port):
            port = self._choose_other_than(set(self._ports.values()))
        self._ports[name] = port
        self._settled.add(name)
        write_private(self._path, json.dumps(self._ports, indent=1))
        return port

    @staticmethod
    def _choose_other_than(taken: set[int]) -> int:
        while (port := free_port()) in taken:
            continue
        return port


def _read(path: Path) -> dict[str, int]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return {str(name): port for name, port in found.items() if isinstance(port, int)} if isinstance(found, dict) else {}

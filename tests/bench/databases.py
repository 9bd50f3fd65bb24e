"""The servers of a run: the tests' embedded Postgres, and a pair of fresh databases a family."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit import signing
from tests import database
from tests.servers import Servers


@dataclass(frozen=True, slots=True)
class Server:
    """A running Postgres with the migrated templates."""

    servers: Servers

    @contextmanager
    def databases(self) -> Iterator[dict[str, str]]:
        """Fresh databases, an empty store and a new signing key; the environment that leads to them."""
        folder = Path(tempfile.mkdtemp(dir=self.servers.folder))
        key = signing.ensure_signing_key(folder / "log-signing-key.pem")
        store = folder / "store"
        store.mkdir()
        with database.clones(self.servers) as pair:
            yield pair.urls | {
                "LOG_SIGNING_KEY_FILE": str(key),
                "STORAGE_URL": f"file://{store}",
                "VAR_DIR": str(folder),
                "DATABASE_CONN_MAX_AGE": "60",
                "LOG_LEVEL": "ERROR",
            }
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_server() -> Iterator[Server]:
    """The tests' servers, for the length of a run."""
    servers = Servers.create()
    try:
        servers.start()
        yield Server(servers)
    finally:
        servers.close()

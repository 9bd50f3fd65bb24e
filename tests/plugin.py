"""Early pytest plugin: the environment that the settings read, a Postgres for the tests, and closed sockets.

Loaded by `-p` in `pyproject.toml`, because pytest-django reads the settings before any `conftest.py`. One process owns
the server: the only one, or xdist's controller; workers find it by the environment. Postgres itself starts with the
first test that wants a database, so that pure tests start at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import database, network, object_store
from tests.servers import Servers

_SERVERS = pytest.StashKey[Servers]()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Before pytest-django looks for the settings."""
    network.close()
    servers = Servers.join() if "PYTEST_XDIST_WORKER" in os.environ else Servers.create()
    early_config.stash[_SERVERS] = servers
    early_config.add_cleanup(servers.close)
    yield


def pytest_configure(config: pytest.Config) -> None:
    """Our fixtures come after pytest-django's, so that ours hold.

    With xdist the controller starts Postgres, as its workers cannot.
    """
    for fixtures in (database, object_store):
        config.pluginmanager.register(fixtures)
    servers = config.stash[_SERVERS]
    if getattr(config.option, "numprocesses", None) and servers.is_owner:
        servers.start()


def pytest_report_header(config: pytest.Config) -> str:
    """Which Postgres."""
    return f"postgres: {config.stash[_SERVERS].programs}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every database test may use both databases; flushing tests are refused, they have `committed_db`."""
    for item in items:
        if not {"db", "transactional_db"} & set(getattr(item, "fixturenames", ())) and not item.get_closest_marker(
            "django_db"
        ):
            continue
        marker = item.get_closest_marker("django_db")
        options = dict(marker.kwargs) if marker else {}
        if options.get("transaction") or "transactional_db" in getattr(item, "fixturenames", ()):
            raise pytest.UsageError(
                f"{item.nodeid}: tests that commit use the committed_db fixture; nothing is truncated"
            )
        options.setdefault("databases", ["default", "keys"])
        item.add_marker(pytest.mark.django_db(**options), append=False)


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Servers:
    """The running servers of this test session."""
    found = pytestconfig.stash[_SERVERS]
    found.start()
    return found

"""`run`: databases and broker, then web, worker, scheduler and sequencer in the foreground, until it is told to stop.

What can go wrong: a second launcher on the same folder (a lock refuses it); a launcher killed before (its children die
with it or are ended at the next start); a stop in the middle of a start (everything started so far is stopped, in
order).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from compliance.embedded import cleaning
from compliance.embedded.credentials import Credentials
from compliance.embedded.places import PROJECT, LauncherError, Places, write_private
from compliance.embedded.ports import RememberedPorts, is_free
from compliance.embedded.processes import Child, end_leftovers
from compliance.embedded.programs import Programs
from compliance.embedded.services import Services, ServiceStarter, given_from_outside
from compliance.embedded.supervisor import Supervisor

STOP_ORDER = ("beat", "worker", "sequencer", "web", "media", "valkey", "postgres")
_READY_SECONDS = 90.0


@dataclass(frozen=True)
class Options:
    """What `run` was asked for. `fast` gives up durability."""

    var: Path
    port: int
    demo: bool = True
    fast: bool = False
    web_workers: int = 2


def run(options: Options) -> int:
    """Start, stay, stop. Returns the exit code; 0 after a stop that was asked for."""
    places = Places(options.var)
    places.make()
    with _only_one(places), _interrupted_by_signals():
        launcher = Launcher(options, places)
        try:
            launcher.start()
            launcher.stay()
        except KeyboardInterrupt:
            pass
        finally:
            _ignore_signals()
            launcher.stop()
    return 0


class Launcher:
    """One instance, from start to stop."""

    def __init__(self, options: Options, places: Places) -> None:
        self._options = options
        self._places = places
        self._began = time.monotonic()
        self._given = {name: value for name, value in os.environ.items() if value}
        self._services = Services()
        self._supervisor = Supervisor(_say)

    @property
    def base_url(self) -> str:
        """Where the web answers."""
        return f"http://127.0.0.1:{self._options.port}"

    def start(self) -> None:
        """Everything up to a web that says it is ready, and the demo in it. Raises LauncherError."""
        for name in end_leftovers(self._places.pids):
            _say(f"ended {name}, left over from an earlier start")
        if not is_free(self._options.port):
            raise LauncherError(f"Port {self._options.port} is taken. Choose another one: PORT=8001 make run")
        ports = RememberedPorts(self._places.var / "ports.json")
        credentials = Credentials.load(self._places.secrets)
        try:
            ServiceStarter(self._places, credentials, ports, self._given, self._options.fast).start(self._services)
        finally:
            for child in self._services.children:
                self._supervisor.watch(child)
        self._say_services()
        programs = Programs(
            self._places, self._environment(credentials, ports), self._options.port, self._options.web_workers
        )
        self._migrate(programs)
        self._start_programs(programs, ports)
        self._wait_until_ready()
        write_private(self._places.environment_json, json.dumps(programs.environment_of_this_instance(), indent=1))
        if self._options.demo and not given_from_outside(self._given):
            self._seed_demo(programs, ports)
        self._announce()

    def stay(self) -> None:
        """Look after the children until a signal ends it."""
        while True:
            self._supervisor.look()
            time.sleep(0.25)

    def stop(self) -> None:
        """Stop everything that was started, in order."""
        self._places.environment_json.unlink(missing_ok=True)
        self._supervisor.stop(STOP_ORDER)
        _say("stopped")

    def _environment(self, credentials: Credentials, ports: RememberedPorts) -> dict[str, str]:
        ours = {
            "CALLWARDEN_PROFILE": "embedded",
            "DJANGO_SETTINGS_MODULE": "compliance.config.settings",
            "SECRET_KEY": credentials.secret_key,
            "PLAYBACK_KEY": credentials.playback_key,
            "KEYRING_FILE": str(credentials.keyring),
            "LOG_SIGNING_KEY_FILE": str(credentials.log_signing_key),
            "PUBLIC_URL": self.base_url,
        }
        chosen = {name: self._given.get(name, value) for name, value in ours.items()}
        if chosen["CALLWARDEN_PROFILE"] == "embedded":
            quiet = f"127.0.0.1:{ports.port('quiet')}"  # nothing of ours listens there: whoever tests from outside may
            hosts = [f"127.0.0.1:{ports.port('media')}", quiet, *self._given.get("FETCH_TEST_HOSTS", "").split(",")]
            chosen["FETCH_TEST_HOSTS"] = ",".join(dict.fromkeys(host.strip() for host in hosts if host.strip()))
        return chosen | self._services.addresses | {"VAR_DIR": str(self._places.var)}

    def _migrate(self, programs: Programs) -> None:
        """Both databases at once. An embedded one that these very migrations were applied to is left alone."""
        marker = self._places.var / "postgres" / "migrated"
        fingerprint = _migrations_fingerprint()
        untouched = not given_from_outside(self._given) and marker.is_file() and marker.read_text() == fingerprint
        if untouched:
            return
        commands = [
            programs.manage("migrate", "--verbosity", "0", "--database", alias) for alias in ("default", "keys")
        ]
        failures = _run_together(commands, programs.environment)
        if failures:
            raise LauncherError("The migration failed:\n" + "\n".join(failures))
        if self._services.postgres is not None:
            marker.write_text(fingerprint)
        _say("migrated")

    def _start_programs(self, programs: Programs, ports: RememberedPorts) -> None:
        for program in programs.all(media_port=ports.port("media")):
            child = Child(program, self._places.logs / f"{program.name}.log", self._places.pids / f"{program.name}.pid")
            child.start()
            self._supervisor.watch(child)
        if given_from_outside(self._given):
            cleaning.note(self._places, "outside")  # its keyring and signing key may be the only ones

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        answer = "no answer"
        while time.monotonic() < deadline:
            ready, answer = _ask(f"{self.base_url}/readyz")
            if ready:
                _say(f"ready after {time.monotonic() - self._began:.1f} s")
                return
            self._supervisor.look()
            time.sleep(0.2)
        raise LauncherError(
            f"The web is not ready after {_READY_SECONDS:g} s ({answer}). Its logs are in {self._places.logs}."
        )

    def _seed_demo(self, programs: Programs, ports: RememberedPorts) -> None:
        if self._is_seeded(programs):
            return
        media = f"http://127.0.0.1:{ports.port('media')}"
        command = programs.manage(
            "seed_demo", "--run-json", self._places.run_json, "--base-url", self.base_url, "--media-root-url", media
        )
        failures = _run_together([command], programs.environment)
        if failures:
            raise LauncherError("The demo organisation could not be made:\n" + failures[0].strip())
        cleaning.note(self._places, "demo")

    def _is_seeded(self, programs: Programs) -> bool:
        """Whether the demo was made and its addresses are still those of this start."""
        try:
            known = json.loads(self._places.run_json.read_text())
        except (OSError, ValueError):
            return False
        hosts = programs.settings.get("FETCH_TEST_HOSTS", "").split(",")
        return bool(known.get("base_url") == self.base_url and known.get("media_hosts") == hosts)

    def _say_services(self) -> None:
        postgres = self._services.postgres
        _say(f"postgres on port {postgres.port}" if postgres else "postgres from outside")
        for name in given_from_outside(self._given):
            _say(f"{name} is yours")

    def _announce(self) -> None:
        seconds = time.monotonic() - self._began
        print(f"\nCallwarden runs at {self.base_url}/ (after {seconds:.1f} s; Ctrl-C stops it)", flush=True)
        try:
            sign_in = json.loads(self._places.run_json.read_text())["officer"]
        except (OSError, ValueError, KeyError):
            return
        print(
            f"  sign in as  {sign_in['email']}  with  {sign_in['password']}\n  all of it   {self._places.run_json}\n",
            flush=True,
        )


@contextmanager
def _only_one(places: Places) -> Iterator[None]:
    with (places.var / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LauncherError(f"Another instance is running in {places.var}.") from None
        yield


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """The first INT, TERM or HUP ends what runs, wherever it is."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        _ignore_signals()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    yield


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _run_together(commands: list[list[str]], environment: dict[str, str]) -> list[str]:
    """Run commands side by side and return what those said that failed."""
    running: list[subprocess.Popen[str]] = []
    try:
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        running.extend(
            subprocess.Popen(command, env=environment, cwd=PROJECT, start_new_session=True, **pipes)
            for command in commands
        )
        outputs = [process.communicate()[0] for process in running]
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
    return [output for process, output in zip(running, outputs, strict=True) if process.returncode]


def _ask(url: str) -> tuple[bool, str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return answer.status == 200, str(answer.status)
    except urllib.error.HTTPError as refusal:
        return False, f"{refusal.code}: {refusal.read(500).decode(errors='replace')}"
    except OSError as error:
        return False, str(error)


def _migrations_fingerprint() -> str:
    digest = hashlib.sha256((PROJECT / "requirements" / "run.txt").read_bytes())
    for room in ("accounts", "audit", "compliance"):
        for path in sorted((PROJECT / room).rglob("migrations/*.py")):
            digest.update(path.relative_to(PROJECT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _say(line: str) -> None:
    print(f"  {line}", flush=True)

"""A platform's API on this machine: it pages, limits, breaks down and hangs up as it is told to.

`TestPhone` is a platform of its own, of no vendor, so that asking is tested apart from how any vendor writes. Where a
test needs a vendor's shapes, it puts their documents into `documents` by path.
"""

from __future__ import annotations

import dataclasses
import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from compliance.connectors.facts import CallFacts, CallStatus, Message, Rank, RecordingFacts
from compliance.connectors.providers import payloads
from compliance.connectors.providers.base import Credential, Unparseable
from compliance.connectors.providers.dialgen import DialGen
from compliance.connectors.providers.questions import (
    AgentFacts,
    AgentPage,
    Answer,
    AskFailed,
    CallPage,
    Credentials,
    Deletion,
    Part,
    Question,
    Target,
)

KEY = "testphone-key-17"
BEGUN = datetime(2026, 11, 20, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the next request in place of its answer."""

    status: int = 0  # 0: the connection is dropped
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"


@dataclass
class FarEnd:
    """What the platform has, and what it was asked."""

    url: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)
    agents: list[dict[str, Any]] = field(default_factory=list)
    page: int = 3
    faults: deque[Fault] = field(default_factory=deque)
    documents: dict[str, Any] = field(default_factory=dict)  # path → JSON, before all else
    pages: dict[str, list[Any]] = field(default_factory=dict)  # path → one JSON after the other, the last for ever
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    faults_at: dict[int, Fault] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def fail_at(self, number: int, fault: Fault) -> None:
        """The request of this number from now (1: the next one) ends with this fault."""
        self.faults_at[len(self.asked) + number] = fault

    def add_calls(self, count: int, *, since: datetime = BEGUN, **fields: Any) -> list[str]:
        """So many calls, a minute apart, newest last; their ids."""
        first = len(self.calls)
        for number in range(first, first + count):
            begun = since + timedelta(minutes=number - first)
            call = {
                "id": f"tp_{number:05d}",
                "started_at": begun.isoformat(),
                "ended_at": (begun + timedelta(seconds=30)).isoformat(),
                "phone": f"+1415555{number % 10_000:04d}",
                "words": [["agent", "This call is recorded."], ["user", f"Number {number}."]],
            }
            self.calls.append(call | fields)
        return [call["id"] for call in self.calls[first:]]

    def answer(self, target: str) -> tuple[int, Any]:
        split = urlsplit(target)
        path, query = split.path, {name: values[0] for name, values in parse_qs(split.query).items()}
        if self.pages.get(path):
            rest = self.pages[path]
            return 200, rest.pop(0) if len(rest) > 1 else rest[0]
        if path in self.documents:
            return 200, self.documents[path]
        if path == "/v1/calls":
            found = [one for one in self.calls if query["since"] <= one["started_at"] < query["until"]]
            return 200, self._paged([self._listed(one) for one in found], query, "calls")
        if path == "/v1/agents":
            return 200, self._paged(self.agents, query, "agents")
        for call in self.calls:
            if path == f"/v1/calls/{quote(call['id'], safe='')}":
                return 200, call | {"is_thin": False}
        return 404, {"error": "not found"}

    def _listed(self, call: dict[str, Any]) -> dict[str, Any]:
        """A list of `thin` calls leaves their content out."""
        return (
            {name: value for name, value in call.items() if name not in ("words", "url")} if call.get("thin") else call
        )

    def _paged(self, found: list[dict[str, Any]], query: dict[str, str], name: str) -> dict[str, Any]:
        begin = int(query.get("cursor", 0))
        rest = begin + self.page < len(found)
        return {name: found[begin : begin + self.page], "next": str(begin + self.page) if rest else None}


@contextmanager
def far_end() -> Iterator[FarEnd]:
    """The platform, listening."""
    found = FarEnd()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            found.asked.append(f"{self.command} {self.path}")
            found.headers.append({name.lower(): value for name, value in self.headers.items()})
            found.bodies.append(self.rfile.read(length))
            fault = found.faults_at.pop(len(found.asked), None)
            if fault is not None or found.faults:
                fault = fault or found.faults.popleft()
                if not fault.status:
                    self.close_connection = True
                    self.connection.close()
                    return
                self._send(fault.status, fault.body, fault.headers)
                return
            status, document = found.answer(self.path)
            self._send(status, document if isinstance(document, bytes) else json.dumps(document).encode(), {})

        def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in (
                {"Content-Type": "application/json", "Content-Length": str(len(body))} | dict(headers)
            ).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = do_PATCH = do_PUT = _handle  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class TestPhoneApi:
    """How TestPhone is asked."""

    __test__ = False
    base_url = "https://api.testphone.example/v1"
    hosts: tuple[str, ...] = ("api.testphone.example", "*.eu.testphone.example")
    parts = frozenset({Part.CALL})
    proof_words = "404"
    lists_calls = True
    lists_agents = True

    def authorise(self, credentials: Credentials) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {credentials.secret('api_key')}"}

    def media_headers(self, url: str, credentials: Credentials) -> Mapping[str, str]:
        return {}

    def list_calls(
        self, credentials: Credentials, since: datetime, until: datetime, cursor: str | None = None
    ) -> Question:
        query = [("since", since.isoformat()), ("until", until.isoformat())]
        return Question("GET", "/calls", (*query, *([("cursor", cursor)] if cursor else [])))

    def read_calls(self, answer: Answer) -> CallPage:
        body = _document(answer)
        calls, unreadable = [], 0
        for one in body["calls"]:
            try:
                calls.append(_call(one))
            except Unparseable:
                unreadable += 1
        return CallPage(tuple(calls), body["next"], unreadable)

    def ask_call(self, credentials: Credentials, external_id: str) -> Question:
        return Question("GET", f"/calls/{quote(external_id, safe='')}")

    def read_call(self, answer: Answer) -> CallFacts | None:
        return None if answer.status == 404 else _call(_document(answer))

    def list_agents(self, credentials: Credentials, cursor: str | None = None) -> Question:
        return Question("GET", "/agents", (("cursor", cursor),) if cursor else ())

    def read_agents(self, answer: Answer, cursor: str | None = None) -> AgentPage:
        body = _document(answer)
        return AgentPage(
            tuple(
                AgentFacts(
                    one["id"],
                    one.get("name", ""),
                    one.get("version", ""),
                    one.get("prompt", ""),
                    tuple(one.get("languages", ())),
                )
                for one in body["agents"]
            ),
            body["next"],
        )

    def delete(self, credentials: Credentials, target: Target) -> Question:
        return Question("DELETE", f"/calls/{quote(target.external_id, safe='')}")

    def read_delete(self, answer: Answer) -> Deletion:
        return Deletion.NOT_FOUND if answer.status == 404 else Deletion.ASKED

    def ask_deleted(self, credentials: Credentials, target: Target) -> Question:
        return self.ask_call(credentials, target.external_id)

    def read_deleted(self, answer: Answer) -> Deletion:
        return Deletion.GONE if answer.status == 404 else Deletion.PRESENT


class TestPhone(DialGen):
    """A platform that lists calls and agents. Its deliveries are DialGen's."""

    __test__ = False
    name = "testphone"
    label = "TestPhone"
    credentials = (Credential("api_key", "API key", "From the account's page."),)  # type: ignore[assignment]
    api = TestPhoneApi()  # type: ignore[assignment]


def _document(answer: Answer) -> dict[str, Any]:
    if answer.status != 200:
        raise AskFailed("unexpected_status", status=answer.status)
    try:
        return payloads.read_object(answer.body)
    except Unparseable as error:
        raise AskFailed("not_json") from error


def _call(value: dict[str, Any]) -> CallFacts:
    fields = payloads.Fields(value, "", set())
    url = fields.line("url", payloads.MAX_URL)
    facts = CallFacts(
        external_id=fields.required_identifier("id"),
        rank=Rank.POLLED,
        status=CallStatus(value.get("status", "completed")),
        started_at=fields.moment("started_at"),
        ended_at=fields.moment("ended_at"),
        phone_number=fields.line("phone"),
        transcript=tuple(Message(role, words) for role, words in value.get("words", ())),
    )
    return dataclasses.replace(facts, recordings=(RecordingFacts(url),)) if url else facts

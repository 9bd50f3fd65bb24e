"""What we ask Vapi: calls, assistants and their prompts, deletion. Pure.

Lists have no cursor of Vapi's: pages are made by the time of creation. Pages overlap by one item, since two calls may
share a millisecond; whoever reads merges by id. Source: Vapi's API reference and its Python package 3.0.0, November
2026; the order of lists is undocumented and therefore looked at.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from compliance.connectors.facts import CallFacts, Rank
from compliance.connectors.providers import answers
from compliance.connectors.providers.base import Unparseable
from compliance.connectors.providers.payloads import Fields
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
from compliance.connectors.providers.vapi_calls import call_facts

_HOST = "api.vapi.ai"
# A call of the list comes whole, with its words: fifty long ones stay below the cap of an answer.
_CALLS_A_PAGE = 50
_AGENTS_A_PAGE = 100
_MAX_MESSAGES = 1_000
_BEFORE, _AFTER = "createdAtLe", "createdAtGe"


class VapiApi:
    """The API of Vapi."""

    base_url = f"https://{_HOST}"
    hosts = (_HOST,)
    parts = frozenset({Part.CALL})
    proof_words = (
        "Vapi took the order to delete the call with all its artifacts and afterwards answered 404 for the call's id. "
        "A webhook call.deleted is kept as further evidence where Vapi sends one."
    )
    lists_calls = True
    lists_agents = True

    def authorise(self, credentials: Credentials) -> Mapping[str, str]:
        """The private API key as bearer token."""
        return answers.bearer(credentials, "api_key")

    def media_headers(self, url: str, credentials: Credentials) -> Mapping[str, str]:
        """The key for artifacts under the API's own host (GET /call/{id}/mono-recording); none for anything else."""
        parts = urlsplit(url)
        if parts.scheme == "https" and parts.netloc == _HOST and parts.path.startswith("/call/"):
            return self.authorise(credentials)
        return {}

    def list_calls(
        self, credentials: Credentials, since: datetime, until: datetime, cursor: str | None = None
    ) -> Question:
        """Calls by their creation, which for a scheduled call may lie days before its start."""
        bounds = {_AFTER: _written(since), "createdAtLt": _written(until)}
        if cursor is not None:
            name, moment = _cursor(cursor)
            if name == _BEFORE:
                bounds.pop("createdAtLt")
            bounds[name] = moment
        return Question("GET", "/call", (("limit", str(_CALLS_A_PAGE)), *bounds.items()))

    def read_calls(self, answer: Answer) -> CallPage:
        """One page; calls that cannot be read are counted."""
        items = answers.list_of(answer)
        calls, unreadable = [], 0
        for item in items:
            try:
                calls.append(_polled(item))
            except Unparseable:
                unreadable += 1
        return CallPage(tuple(calls), _next(items, _CALLS_A_PAGE), unreadable)

    def ask_call(self, credentials: Credentials, external_id: str) -> Question:
        """GET /call/{id}: signs its recordings' addresses anew."""
        return Question("GET", f"/call/{answers.segment(external_id)}")

    def read_call(self, answer: Answer) -> CallFacts | None:
        """The call, None where Vapi knows none."""
        if answers.says_not_found(answer):
            return None
        try:
            return _polled(answers.object_of(answer))
        except Unparseable:
            raise AskFailed("bad_answer", status=answer.status) from None

    def list_agents(self, credentials: Credentials, cursor: str | None = None) -> Question:
        """Assistants come whole, prompt included."""
        bounds = () if cursor is None else (_cursor(cursor),)
        return Question("GET", "/assistant", (("limit", str(_AGENTS_A_PAGE)), *bounds))

    def read_agents(self, answer: Answer, cursor: str | None = None) -> AgentPage:
        """One page; assistants that cannot be read are counted."""
        items = answers.list_of(answer)
        agents, unreadable = [], 0
        for item in items:
            try:
                agents.append(_agent(item))
            except Unparseable:
                unreadable += 1
        return AgentPage(tuple(agents), _next(items, _AGENTS_A_PAGE), unreadable)

    def delete(self, credentials: Credentials, target: Target) -> Question:
        """DELETE /call/{id}, one call at a time: the bulk form takes hours and answers for nothing."""
        return Question("DELETE", f"/call/{answers.whole_call(target)}")

    def read_delete(self, answer: Answer) -> Deletion:
        """Vapi answers with the call that it deletes."""
        return answers.deletion_ordered(answer)

    def ask_deleted(self, credentials: Credentials, target: Target) -> Question:
        """GET /call/{id}."""
        return Question("GET", f"/call/{answers.whole_call(target)}")

    def read_deleted(self, answer: Answer) -> Deletion:
        """Gone at Vapi's own 404."""
        return answers.absence(answer)


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _next(items: list[Any], limit: int) -> str | None:
    """Where a full page goes on: before its oldest item if it runs backwards in time, else after its newest."""
    if len(items) < limit:
        return None
    try:
        times = [
            Fields(item, "", set()).moment("createdAt") for item in (items[0], items[-1]) if isinstance(item, dict)
        ]
    except Unparseable:
        times = []
    if len(times) != 2 or times[0] is None or times[1] is None or times[0] == times[1]:
        raise AskFailed("no_next_page")
    return f"{_BEFORE if times[0] > times[1] else _AFTER}={_written(times[1])}"


def _cursor(cursor: str) -> tuple[str, str]:
    name, _, moment = cursor.partition("=")
    if name not in (_BEFORE, _AFTER):
        raise AskFailed("bad_cursor")
    return name, moment


def _polled(item: object) -> CallFacts:
    if not isinstance(item, dict):
        raise Unparseable("wrong_type")
    call = Fields(item, "", set())
    return call_facts(call, call, Rank.POLLED)


def _agent(item: object) -> AgentFacts:
    if not isinstance(item, dict):
        raise Unparseable("wrong_type")
    fields = Fields(item, "", set())
    transcriber = fields.if_readable(fields.inner, "transcriber")
    language = None if transcriber is None else transcriber.if_readable(transcriber.identifier, "language")
    name = fields.if_readable(fields.line, "name")
    return AgentFacts(
        external_id=fields.required_identifier("id"),
        name=name or "",
        prompt="\n\n".join(_words(fields)),
        languages=(language,) if language else (),
        changed_at=fields.moment("updatedAt"),
    )


def _words(fields: Fields) -> list[str]:
    """All that the assistant is told or made to say, the request for consent first: it is what callers hear first."""
    consent = fields.inner("compliancePlan").inner("recordingConsentPlan")
    model = fields.inner("model")
    said = [consent.text("message"), fields.text("firstMessage")]
    for index, entry in enumerate(model.entries("messages", _MAX_MESSAGES)):
        if not isinstance(entry, dict):
            raise Unparseable("wrong_type", f"{model.where('messages')}[{index}]")
        said.append(Fields(entry, f"{model.where('messages')}[{index}]", fields.notes).text("content"))
    said += [fields.text("voicemailMessage"), fields.text("endCallMessage")]
    return [text for text in said if text]

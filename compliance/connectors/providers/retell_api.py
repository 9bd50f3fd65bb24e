"""What we ask Retell: calls, agents and their prompts, deletion. Pure.

An agent's prompt takes three questions: the list of agents, the agent (which names its response engine), the engine.
The cursor remembers which agents are still to be asked. Source: Retell's Python package 6.2.13 (list-calls v3, list-
agents v2), November 2026.
"""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from compliance.connectors.facts import CallFacts, Rank
from compliance.connectors.providers import answers, payloads
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
from compliance.connectors.providers.retell_calls import call_facts

_HOST = "api.retellai.com"
_CALLS_A_PAGE = 100
_AGENTS_A_PAGE = 50
_MAX_ITEMS = 1_000
_MAX_PARTS = 2_000
_MAX_PROMPT = 1_000_000

_VOICE: Final = {"channel": {"op": "eq", "type": "string", "value": "voice"}}
_ENGINES: Final = {
    "retell-llm": ("llm_id", "/get-retell-llm/"),
    "conversation-flow": ("conversation_flow_id", "/get-conversation-flow/"),
}


class RetellApi:
    """The API of Retell."""

    base_url = f"https://{_HOST}"
    hosts = (_HOST,)
    parts = frozenset({Part.CALL})
    proof_words = (
        "Retell took the order to delete the call with its recording, transcript and logs, and afterwards answered 404 "
        "for the call's id."
    )
    lists_calls = True
    lists_agents = True

    def authorise(self, credentials: Credentials) -> Mapping[str, str]:
        """The API key as bearer token."""
        return answers.bearer(credentials, "api_key")

    def media_headers(self, url: str, credentials: Credentials) -> Mapping[str, str]:
        """None: addresses are signed or public."""
        return {}

    def list_calls(
        self, credentials: Credentials, since: datetime, until: datetime, cursor: str | None = None
    ) -> Question:
        """POST /v3/list-calls by start; calls that never connected have none and are not listed so."""
        bounds = [_milliseconds(since), _milliseconds(until) - 1]  # both ends count at Retell
        body: dict[str, Any] = {
            "filter_criteria": {"start_timestamp": {"op": "bt", "type": "range", "value": bounds}},
            "limit": _CALLS_A_PAGE,
            "sort_order": "ascending",
        }
        if cursor is not None:
            body["pagination_key"] = cursor
        return Question("POST", "/v3/list-calls", body=answers.encoded(body))

    def read_calls(self, answer: Answer) -> CallPage:
        """One page, without words: the list leaves transcripts out. Calls that cannot be read are counted."""
        page = _page(answer)
        calls, unreadable = [], 0
        for item in page.items:
            try:
                calls.append(call_facts(Fields(_dict(item), "", set()), Rank.POLLED))
            except Unparseable:
                unreadable += 1
        return CallPage(tuple(calls), page.next_key, unreadable)

    def ask_call(self, credentials: Credentials, external_id: str) -> Question:
        """GET /v2/get-call/{call_id}: signs its recordings' addresses anew."""
        return Question("GET", f"/v2/get-call/{answers.segment(external_id)}")

    def read_call(self, answer: Answer) -> CallFacts | None:
        """The call, None where Retell knows none."""
        if answers.says_not_found(answer):
            return None
        try:
            return call_facts(Fields(answers.object_of(answer), "", set()), Rank.POLLED)
        except Unparseable:
            raise AskFailed("bad_answer", status=answer.status) from None

    def list_agents(self, credentials: Credentials, cursor: str | None = None) -> Question:
        """The next question on the way to all prompts: the engine of the agent at hand, the next agent, the list."""
        way = _Way.of(cursor)
        if way.engine:
            return Question("GET", way.engine, _versioned(way.agent.get("engine_version")))
        if way.waiting:
            return Question("GET", f"/get-agent/{answers.segment(way.waiting[0])}")
        query = [("limit", str(_AGENTS_A_PAGE))]
        if way.next_key:
            query.append(("pagination_key", way.next_key))
        return Question("POST", "/v2/list-agents", tuple(query), answers.encoded({"filter_criteria": _VOICE}))

    def read_agents(self, answer: Answer, cursor: str | None = None) -> AgentPage:
        """At most one agent a page, when its engine has answered; empty pages before."""
        way = _Way.of(cursor)
        if way.engine:
            return _read_engine(answer, way)
        if way.waiting:
            return _read_agent(answer, way)
        page = _page(answer)
        ids, unreadable = [], 0
        for item in page.items:
            try:
                ids.append(Fields(_dict(item), "", set()).required_identifier("agent_id"))
            except Unparseable:
                unreadable += 1
        return AgentPage((), _Way(ids, page.next_key).cursor(), unreadable)

    def delete(self, credentials: Credentials, target: Target) -> Question:
        """DELETE /v2/delete-call/{call_id}."""
        return Question("DELETE", f"/v2/delete-call/{answers.whole_call(target)}")

    def read_delete(self, answer: Answer) -> Deletion:
        """Retell answers 204 without a word."""
        return answers.deletion_ordered(answer)

    def ask_deleted(self, credentials: Credentials, target: Target) -> Question:
        """GET /v2/get-call/{call_id}."""
        return Question("GET", f"/v2/get-call/{answers.whole_call(target)}")

    def read_deleted(self, answer: Answer) -> Deletion:
        """Gone at Retell's own 404."""
        return answers.absence(answer)


class _Way:
    """How far the walk over the agents has come; as text it is the cursor.

    `agent` and `engine` are set while an agent's engine is asked for: what is known of it, and the engine's path.
    """

    def __init__(
        self, waiting: list[str], next_key: str | None, agent: Mapping[str, Any] | None = None, engine: str = ""
    ) -> None:
        self.waiting = waiting
        self.next_key = next_key
        self.agent = dict(agent or {})
        self.engine = engine

    @classmethod
    def of(cls, cursor: str | None) -> "_Way":
        """The inverse of `cursor`. Raises AskFailed("bad_cursor")."""
        if cursor is None:
            return cls([], None)
        try:
            waiting, next_key, agent, engine = json.loads(base64.urlsafe_b64decode(cursor))
        except (ValueError, TypeError):
            raise AskFailed("bad_cursor") from None
        return cls(waiting, next_key, agent, engine)

    def cursor(self) -> str | None:
        """None at the end of the walk."""
        if not self.waiting and not self.next_key:
            return None
        state = [self.waiting, self.next_key, self.agent, self.engine]
        return base64.urlsafe_b64encode(answers.encoded(state)).decode()

    def past_this_agent(self) -> str | None:
        """The cursor for the next agent."""
        return _Way(self.waiting[1:], self.next_key).cursor()


class _Page:
    """Retell's page: its items and the key of the next one."""

    def __init__(self, items: list[Any], next_key: str | None) -> None:
        self.items = items
        self.next_key = next_key


def _page(answer: Answer) -> _Page:
    body = Fields(answers.object_of(answer), "", set())
    try:
        if not isinstance(body.raw("items"), list):
            raise AskFailed("bad_answer", status=answer.status)
        items = body.entries("items", _MAX_ITEMS)
        key = body.line("pagination_key", payloads.MAX_URL)
    except Unparseable:
        raise AskFailed("bad_answer", status=answer.status) from None
    if body.raw("has_more") is True and key is None:
        raise AskFailed("no_next_page")
    return _Page(items, key if body.raw("has_more") is True else None)


def _read_agent(answer: Answer, way: _Way) -> AgentPage:
    """The agent without its prompt, which is kept in the cursor until its engine answers; an agent whose prompt does
    not lie at Retell is complete at once. One that went away meanwhile is passed over.
    """
    if answers.says_not_found(answer):
        return AgentPage((), way.past_this_agent())
    fields = Fields(answers.object_of(answer), "", set())
    try:
        agent = _agent(fields)
        engine = fields.inner("response_engine")
        kind = engine.identifier("type") or ""
        if kind not in _ENGINES:
            return AgentPage((_facts(agent, ""),), way.past_this_agent())
        id_name, path = _ENGINES[kind]
        agent["engine_version"] = engine.if_readable(engine.count, "version")
        asked = path + answers.segment(engine.required_identifier(id_name))
    except Unparseable:
        return AgentPage((), way.past_this_agent(), unreadable=1)
    return AgentPage((), _Way(way.waiting, way.next_key, agent, asked).cursor())


def _read_engine(answer: Answer, way: _Way) -> AgentPage:
    if answers.says_not_found(answer):
        return AgentPage((), way.past_this_agent(), unreadable=1)
    fields = Fields(answers.object_of(answer), "", set())
    try:
        prompt = "\n\n".join(text for text in _words(fields) if text)
    except Unparseable:
        return AgentPage((), way.past_this_agent(), unreadable=1)
    return AgentPage((_facts(way.agent, prompt),), way.past_this_agent())


def _agent(fields: Fields) -> dict[str, Any]:
    language = fields.raw("language")
    languages = language if isinstance(language, list) else [language]
    version = fields.if_readable(fields.count, "version")
    changed_at = fields.moment("last_modification_timestamp")
    return {
        "id": fields.required_identifier("agent_id"),
        "name": fields.if_readable(fields.line, "agent_name") or "",
        "version": "" if version is None else str(version),
        "languages": [code for code in languages if isinstance(code, str) and len(code) <= payloads.MAX_ID],
        "changed_at": changed_at.isoformat() if changed_at else None,
    }


def _facts(agent: Mapping[str, Any], prompt: str) -> AgentFacts:
    """Raises AskFailed("bad_cursor") for what no cursor of ours holds."""
    try:
        changed_at = agent["changed_at"]
        return AgentFacts(
            external_id=agent["id"],
            name=agent["name"],
            version=agent["version"],
            prompt=prompt,
            languages=tuple(agent["languages"]),
            changed_at=datetime.fromisoformat(changed_at) if changed_at else None,
        )
    except (KeyError, TypeError, ValueError):
        raise AskFailed("bad_cursor") from None


def _words(engine: Fields) -> list[str | None]:
    """All that steers the agent: of a prompt engine its first message, general prompt and states; of a conversation
    flow its global prompt and every node's instruction.
    """
    said = [engine.text("begin_message"), engine.text("general_prompt", _MAX_PROMPT)]
    said += [part.text("state_prompt", _MAX_PROMPT) for part in _parts(engine, "states")]
    said.append(engine.text("global_prompt", _MAX_PROMPT))
    said += [part.inner("instruction").text("text", _MAX_PROMPT) for part in _parts(engine, "nodes")]
    return said


def _parts(engine: Fields, name: str) -> list[Fields]:
    entries = engine.entries(name, _MAX_PARTS)
    return [Fields(_dict(entry), f"{name}[{index}]", engine.notes) for index, entry in enumerate(entries)]


def _dict(item: object) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise Unparseable("wrong_type")
    return item


def _versioned(version: object) -> tuple[tuple[str, str], ...]:
    """The engine's version that the agent names: its newest may be a draft that no call has heard."""
    return () if version is None else (("version", str(version)),)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)

"""What we ask ElevenLabs Agents: conversations by date, one conversation, agents with their prompts, deletion. Pure.

Paths, filters and paging as its package elevenlabs 2.78.0 has them. Agents are listed without their prompts, so a page
of the list gives no agent yet: its cursor names them, and each is asked for by itself.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from compliance.connectors.facts import CallFacts, Rank
from compliance.connectors.providers import answers, elevenlabs_calls
from compliance.connectors.providers.base import Unparseable
from compliance.connectors.providers.payloads import MAX_ID, Fields
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

_CONVERSATIONS: Final = "/v1/convai/conversations"
_AGENTS: Final = "/v1/convai/agents"
_CALLS_A_PAGE: Final = "100"
_AGENTS_A_PAGE: Final = "30"  # their ids must fit into a cursor
_MAX_CURSOR: Final = 2_000
_MAX_PROMPT: Final = 1_000_000
_MAX_LANGUAGES: Final = 200


class ElevenLabsApi:
    """The API of one workspace."""

    base_url = elevenlabs_calls.BASE_URL
    hosts = (
        "api.elevenlabs.io",
        "api.us.elevenlabs.io",
        "api.eu.residency.elevenlabs.io",
        "api.in.residency.elevenlabs.io",
        "api.sg.residency.elevenlabs.io",
    )
    parts = frozenset({Part.CALL})
    proof_words = "ElevenLabs' API answers 404 for the conversation, with its sound, words and analysis."
    lists_calls = True
    lists_agents = True

    def authorise(self, credentials: Credentials) -> Mapping[str, str]:
        """`xi-api-key`."""
        key = credentials.secret("api_key")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise AskFailed("bad_credentials")
        return {"xi-api-key": key}

    def media_headers(self, url: str, credentials: Credentials) -> Mapping[str, str]:
        """The key for a conversation's sound at ElevenLabs itself, and for nothing else."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return {}
        is_theirs = parts.scheme == "https" and parts.netloc in self.hosts
        return self.authorise(credentials) if is_theirs and parts.path.startswith(f"{_CONVERSATIONS}/") else {}

    def list_calls(
        self, credentials: Credentials, since: datetime, until: datetime, cursor: str | None = None
    ) -> Question:
        """A page of the conversations; the documentation leaves open whether its bounds are inside, so both are one
        second wider.
        """
        query = [
            ("call_start_before_unix", str(int(until.timestamp()) + 1)),
            ("call_start_after_unix", str(int(since.timestamp()) - 1)),
            ("page_size", _CALLS_A_PAGE),
        ]
        return Question("GET", _CONVERSATIONS, (*([("cursor", cursor)] if cursor else []), *query))

    def read_calls(self, answer: Answer) -> CallPage:
        """The page. Its calls have neither words nor sound (note `listed_only`): each is to be asked for."""
        body = Fields(answers.object_of(answer), "", set())
        calls, unreadable = [], 0
        for item in _items(body, "conversations"):
            try:
                calls.append(elevenlabs_calls.listed(Fields({"": item}, "", set()).inner("")))
            except Unparseable:
                unreadable += 1
        return CallPage(tuple(calls), _next_page(body), unreadable)

    def ask_call(self, credentials: Credentials, external_id: str) -> Question:
        """The whole conversation."""
        return Question("GET", f"{_CONVERSATIONS}/{answers.segment(external_id)}")

    def read_call(self, answer: Answer) -> CallFacts | None:
        """The facts; None where ElevenLabs knows no such conversation."""
        if answers.says_not_found(answer):
            return None
        try:
            return elevenlabs_calls.conversation(Fields(answers.object_of(answer), "", set()), rank=Rank.POLLED)
        except Unparseable:
            raise AskFailed("bad_answer", status=answer.status) from None

    def list_agents(self, credentials: Credentials, cursor: str | None = None) -> Question:
        """A page of the list, or the next agent that the cursor names."""
        page, waiting = _opened(cursor)
        if waiting:
            return Question("GET", f"{_AGENTS}/{answers.segment(waiting[0])}")
        query = (("page_size", _AGENTS_A_PAGE), *((("cursor", page),) if page else ()))
        return Question("GET", _AGENTS, query)

    def read_agents(self, answer: Answer, cursor: str | None = None) -> AgentPage:
        """No agent and the names of those to ask for, or one agent with its words."""
        page, waiting = _opened(cursor)
        if waiting:
            next_cursor = _closed(page, waiting[1:])
            if answers.says_not_found(answer):  # deleted since it was listed
                return AgentPage((), next_cursor)
            try:
                agent = _agent(Fields(answers.object_of(answer), "", set()))
            except Unparseable:
                return AgentPage((), next_cursor, unreadable=1)
            return AgentPage((agent,), next_cursor)
        body = Fields(answers.object_of(answer), "", set())
        names, unreadable = [], 0
        for item in _items(body, "agents"):
            try:
                names.append(Fields({"": item}, "", set()).inner("").required_identifier("agent_id"))
            except Unparseable:
                unreadable += 1
        return AgentPage((), _closed(_next_page(body), names), unreadable)

    def delete(self, credentials: Credentials, target: Target) -> Question:
        """DELETE of the conversation."""
        return Question("DELETE", f"{_CONVERSATIONS}/{answers.whole_call(target)}")

    def read_delete(self, answer: Answer) -> Deletion:
        """Its word that it took the order."""
        return answers.deletion_ordered(answer)

    def ask_deleted(self, credentials: Credentials, target: Target) -> Question:
        """GET of the same."""
        return Question("GET", f"{_CONVERSATIONS}/{answers.whole_call(target)}")

    def read_deleted(self, answer: Answer) -> Deletion:
        """GONE by ElevenLabs' own 404."""
        return answers.absence(answer)


def _items(body: Fields, name: str) -> list[Any]:
    items = body.raw(name)
    if not isinstance(items, list):
        raise AskFailed("bad_answer")
    return items


def _next_page(body: Fields) -> str | None:
    try:
        return body.line("next_cursor", _MAX_CURSOR) if body.raw("has_more") is not False else None
    except Unparseable:
        raise AskFailed("bad_answer") from None


def _closed(page: str | None, waiting: list[str]) -> str | None:
    """A cursor: the agents still to be asked for, then the list's own next page."""
    if not waiting and page is None:
        return None
    return json.dumps([page or "", *waiting], separators=(",", ":"))


def _opened(cursor: str | None) -> tuple[str | None, list[str]]:
    if cursor is None:
        return None, []
    try:
        page, *waiting = json.loads(cursor)
    except (ValueError, TypeError):
        raise AskFailed("bad_cursor") from None
    if not isinstance(page, str) or not all(isinstance(name, str) and len(name) <= MAX_ID for name in waiting):
        raise AskFailed("bad_cursor")
    return page or None, waiting


def _agent(fields: Fields) -> AgentFacts:
    """An agent with every word that steers it: first message, prompt, and the same in its other languages."""
    config = fields.inner("conversation_config")
    agent, presets = config.inner("agent"), config.inner("language_presets")
    names = sorted(config.raw("language_presets") or {})[:_MAX_LANGUAGES]
    own = presets.if_readable(agent.line, "language")
    words = [agent.text("first_message", _MAX_PROMPT), agent.inner("prompt").text("prompt", _MAX_PROMPT)]
    for name in names:
        preset = presets.inner(name)
        other = preset.inner("overrides").inner("agent")
        words += [other.text("first_message", _MAX_PROMPT), other.inner("prompt").text("prompt", _MAX_PROMPT)]
        words.append(preset.inner("first_message_translation").text("text", _MAX_PROMPT))
    return AgentFacts(
        external_id=fields.required_identifier("agent_id"),
        name=fields.line("name") or "",
        version=fields.identifier("version_id") or "",
        prompt="\n\n".join(dict.fromkeys(word for word in words if word)),
        languages=tuple(dict.fromkeys(name for name in (own, *names) if name)),
        changed_at=fields.inner("metadata").moment("updated_at_unix_secs"),
    )

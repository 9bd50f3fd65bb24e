"""What we may ask a platform, as data: a provider makes questions and reads answers, others carry them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from compliance.connectors.facts import CallFacts


class AskFailed(Exception):
    """An answer that is none: the platform refused us, or does not speak as documented. `code` is stable.

    `retry_after` is the platform's own wish in seconds, where it told one.
    """

    def __init__(
        self, code: str, *, status: int | None = None, is_retryable: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(code if status is None else f"{code} ({status})")
        self.code = code
        self.status = status
        self.is_retryable = is_retryable
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a connection may show: the account's id, and secrets by the names of the provider's `credentials`."""

    account_id: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def secret(self, name: str) -> str:
        """The secret of this name. Raises AskFailed("no_credentials") where none was entered."""
        value = self.secrets.get(name, "")
        if not value:
            raise AskFailed("no_credentials")
        return value


@dataclass(frozen=True, slots=True)
class Question:
    """One request, relative to the platform's base address. `path` may hold ids and is therefore never logged.

    `host` names another of the API's `hosts` where this question belongs (Twilio keeps transcripts apart); whoever asks
    goes there in place of the base address and of the connection's own host, a test host excepted.
    """

    method: str
    path: str = field(repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    media_type: str = "application/json"
    host: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status. `headers` have lower-case names."""

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class CallPage:
    """One page of a platform's list. `next_cursor` is opaque to everybody but the provider; None: this was the last."""

    calls: tuple[CallFacts, ...] = field(repr=False)
    next_cursor: str | None = None
    unreadable: int = 0  # items of the page that could not be read: counted and shown, never dropped in silence


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """An agent as the platform keeps it. `prompt` holds all the words that steer it, its first message included."""

    external_id: str
    name: str = ""
    version: str = ""
    prompt: str = field(default="", repr=False)
    languages: tuple[str, ...] = ()
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AgentPage:
    """One page of a platform's agents."""

    agents: tuple[AgentFacts, ...]
    next_cursor: str | None = None
    unreadable: int = 0


class Part(StrEnum):
    """What of a call a platform can delete by itself."""

    CALL = "call"  # everything at once; there is no smaller part
    RECORDING = "recording"
    TRANSCRIPT = "transcript"


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be deleted upstream. `external_id` is the part's own id where it has one, else the call's."""

    part: Part
    external_id: str


class Deletion(StrEnum):
    """What an answer says about a target."""

    ASKED = "asked"  # the platform took the order; nothing is proven
    PRESENT = "present"
    GONE = "gone"  # the proof that this platform can give; which one, says `proof_words`
    NOT_FOUND = "not_found"  # to an order: the platform knows no such thing, which proves nothing by itself


class PlatformApi(Protocol):
    """One platform's API. Nothing here connects; readers raise AskFailed and nothing else."""

    @property
    def base_url(self) -> str:
        """Where questions go unless the connection names another host of `hosts`."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts of the API (regions), as lines of an allow-list."""

    @property
    def parts(self) -> frozenset[Part]:
        """What can be deleted by itself: {CALL}, or the smaller parts."""

    @property
    def proof_words(self) -> str:
        """What counts as proof that a deletion was done, for certificates."""

    @property
    def lists_calls(self) -> bool:
        """Whether `list_calls` works: otherwise missed calls can only be guessed from totals."""

    @property
    def lists_agents(self) -> bool:
        """Whether agents and their prompts can be pulled."""

    def authorise(self, credentials: Credentials) -> Mapping[str, str]:
        """The headers that open the door. Raises AskFailed("no_credentials")."""

    def media_headers(self, url: str, credentials: Credentials) -> Mapping[str, str]:
        """Headers for a recording's address where it is opened with credentials; mostly none."""

    def list_calls(
        self, credentials: Credentials, since: datetime, until: datetime, cursor: str | None = None
    ) -> Question:
        """A page of the calls that began in [since, until), any order; `cursor` from the page before."""

    def read_calls(self, answer: Answer) -> CallPage:
        """The page, with `Rank.POLLED`."""

    def ask_call(self, credentials: Credentials, external_id: str) -> Question:
        """One call, with links that work now."""

    def read_call(self, answer: Answer) -> CallFacts | None:
        """The call; None where the platform says that there is none."""

    def list_agents(self, credentials: Credentials, cursor: str | None = None) -> Question:
        """A page of the account's agents, or, where `cursor` names one, its prompt."""

    def read_agents(self, answer: Answer, cursor: str | None = None) -> AgentPage:
        """The page; `cursor` is the one that its question was made with. An empty page may yet have a next one."""

    def delete(self, credentials: Credentials, target: Target) -> Question:
        """The order to delete."""

    def read_delete(self, answer: Answer) -> Deletion:
        """What became of the order: ASKED, GONE (where the answer itself is proof) or NOT_FOUND."""

    def ask_deleted(self, credentials: Credentials, target: Target) -> Question:
        """The question whose answer proves absence."""

    def read_deleted(self, answer: Answer) -> Deletion:
        """PRESENT or GONE; anything that says neither raises AskFailed."""

"""What every platform's file has to answer. Pure: no framework, no clock, no network."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from compliance.connectors.facts import CallFacts, Facts, RecordingFacts
from compliance.connectors.providers.questions import PlatformApi

MAX_BODY_BYTES = 1_000_000


class ProviderError(Exception):
    """A delivery that a platform's file refuses. `code` is stable; the text never quotes the delivery."""

    def __init__(self, code: str, at: str | None = None) -> None:
        super().__init__(f"{code} at {at}" if at else code)
        self.code = code
        self.at = at


class Unparseable(ProviderError):
    """The body is not what the platform sends; `at` names the field (never its value)."""


class BadSignature(ProviderError):
    """The sender did not prove to be the platform."""


class UnknownPlatform(ProviderError):
    """No file for a platform of this name."""


class SecretForm(StrEnum):
    """What a connection keeps of a secret: only the token's SHA-256, or the shared key itself (for an HMAC)."""

    DIGEST = "digest"
    KEY = "key"


class SecretOrigin(StrEnum):
    """Who makes the webhook secret: we (entered at the platform), or the platform (entered here)."""

    OURS = "ours"
    THEIRS = "theirs"


class TokenPlace(StrEnum):
    """Where a token has to stand: the last part of our address, or `Authorization: Bearer`."""

    ANY = "any"
    PATH = "path"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class Incoming:
    """One webhook call as it came in.

    `url` is our public address of it with its query, which some platforms sign; `options` are the connection's choices
    among those that the provider offers.
    """

    headers: Mapping[str, str] = field(repr=False)
    raw_body: bytes = field(repr=False)
    path_token: str | None = field(default=None, repr=False)
    url: str = field(default="", repr=False)
    options: Mapping[str, str] = field(default_factory=dict)

    def header(self, name: str) -> str | None:
        """The header of this name in any spelling; None when absent."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), None)


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret of a connection in the provider's `secret_form`. During a rotation two are valid at once.

    `value` is the SHA-256 of a token (DIGEST), or the secret's text as the platform shows it, in UTF-8 (KEY): what has
    to be decoded in it is decoded by the provider.
    """

    value: bytes = field(repr=False)
    place: TokenPlace = TokenPlace.ANY
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Whether the secret may be used at `now`; the end is exclusive."""
        begun = self.valid_from is None or self.valid_from <= now
        return begun and (self.valid_until is None or now < self.valid_until)


@dataclass(frozen=True, slots=True)
class Option:
    """One thing about a platform's account that decides how its deliveries are read, such as a header's name."""

    name: str
    label: str
    help: str
    default: str
    choices: tuple[str, ...] = ()  # empty: any header-like word


@dataclass(frozen=True, slots=True)
class Credential:
    """One secret by which we may ask the platform, as its people call it."""

    name: str
    label: str
    help: str


class Provider(Protocol):
    """One platform: who may call us, what the call says, what becomes of the platform's own copy."""

    @property
    def name(self) -> str:
        """The word in addresses and rows."""

    @property
    def label(self) -> str:
        """The name for people."""

    @property
    def secret_form(self) -> SecretForm:
        """What a connection must keep to verify signatures."""

    @property
    def secret_origin(self) -> SecretOrigin:
        """Who makes the webhook secret."""

    @property
    def connecting_help(self) -> str:
        """Where at the platform the secret is entered or found, in words."""

    @property
    def options(self) -> tuple[Option, ...]:
        """What a connection may choose; mostly nothing."""

    @property
    def media_hosts(self) -> tuple[str, ...]:
        """Hosts from which this platform's recordings usually come; a proposal for the connection's list."""

    @property
    def credentials(self) -> tuple[Credential, ...]:
        """The secrets that `api` (or opening a recording) needs; empty where nothing is asked."""

    @property
    def api(self) -> PlatformApi | None:
        """How we ask the platform ourselves; None where it offers nothing to ask."""

    @property
    def max_body_bytes(self) -> int:
        """The longest body the edge takes in."""

    @property
    def max_redirects(self) -> int:
        """How many redirects a fetch of this platform's audio may follow."""

    @property
    def recording_retention_days(self) -> int | None:
        """After how many days the platform deletes its recording by itself; None where it tells none."""

    @property
    def can_delete(self) -> bool:
        """Whether the platform deletes on our call; otherwise `deletion_instructions` become a person's task. Where
        True, `api` is there and answers `delete` and `ask_deleted`.
        """

    @property
    def deletion_instructions(self) -> str:
        """What a person has to do upstream to erase a call, and what proves it."""

    @property
    def is_verified(self) -> bool:
        """Whether an independent implementation accepted ours and ours accepted theirs."""

    @property
    def verification(self) -> str:
        """On what that rests, in words for console and docs."""

    def verify_signature(self, incoming: Incoming, secrets: Sequence[Secret], now: datetime) -> None:
        """Raises BadSignature unless the delivery proves one of the secrets valid at `now`. Looks at raw bytes only."""

    def delivery_key(self, incoming: Incoming) -> str:
        """The same text for the same delivery sent again. Never raises, whatever the body is."""

    def parse(self, raw_body: bytes) -> tuple[Facts, ...]:
        """What a webhook's body says. Raises Unparseable and nothing else."""

    def parse_answer(self, raw_body: bytes) -> tuple[Facts, ...]:
        """What the answer to our own question says (`Rank.POLLED`). Raises Unparseable and nothing else."""

    def original_gone_on(self, facts: CallFacts, received_at: datetime) -> date | None:
        """The day by which the platform's own recording is gone by its own clock; None where it tells none."""

    def transcript_gone_on(self, facts: CallFacts, received_at: datetime) -> date | None:
        """The same for its words."""

    def link_expires_at(self, recording: RecordingFacts, received_at: datetime) -> datetime | None:
        """When a recording's address stops answering; None where the platform does not tell."""


@runtime_checkable
class MakesSecret(Protocol):
    """A provider whose webhook secrets have a form of their own."""

    def new_secret(self, random: bytes) -> str:
        """The secret that 32 random bytes make."""


def new_secret(provider: Provider, random: bytes) -> str:
    """A fresh secret in the form that the platform takes; URL-safe base64 where it takes any text."""
    if isinstance(provider, MakesSecret):
        return provider.new_secret(random)
    return urlsafe_b64encode(random).rstrip(b"=").decode()


def encrypts_recordings(provider: Provider) -> bool:
    """Whether a platform encrypts recordings under a public key of ours, where its account is set so."""
    return bool(getattr(provider, "encrypts_recordings", False))


def bearer_token(incoming: Incoming) -> str | None:
    """The token of `Authorization: Bearer`, None when the header is absent or of another scheme."""
    scheme, _, token = (incoming.header("Authorization") or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def check_tokens(incoming: Incoming, digests: Sequence[Secret], now: datetime) -> None:
    """Raises BadSignature unless a token of the delivery has one of the SHA-256 digests valid at `now`.

    Every candidate is compared with every digest, so that the time tells neither which one matched nor how far.
    """
    candidates = ((TokenPlace.PATH, incoming.path_token), (TokenPlace.HEADER, bearer_token(incoming)))
    presented = [(place, token_digest(token)) for place, token in candidates if token]
    if not presented:
        raise BadSignature("no_token")
    matches = 0
    for secret in digests:
        for place, digest in presented:
            is_usable = secret.is_valid(now) and secret.place in (TokenPlace.ANY, place)
            matches += hmac.compare_digest(digest, secret.value) and is_usable
    if not matches:
        raise BadSignature("bad_token")


def token_digest(token: str) -> bytes:
    """SHA-256 of a token, the form in which connections keep it."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()

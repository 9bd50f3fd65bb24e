"""One recording's bytes on their way into the vault: from a platform's address, out of a delivery, or from a file at
hand.

What can go wrong: other bytes than were announced are kept; a platform's key or our own ends up in a log or at a host
that is not the platform's; sound lies in clear on a disk. So whatever the origin, the bytes are looked at, measured,
hashed and sealed in one stream, compared with what was announced, and taken back by the vault where anything ends
early.

The hash of record is that of the clear sound. Where the platform encrypted a recording for us, an announced hash or
size speaks of the encrypted bytes, and is compared with those.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Protocol
from uuid import UUID

from django.conf import settings

from accounts import tenancy
from compliance.connectors import ciphers, destinations, sniffing
from compliance.connectors.ciphers import CipherError
from compliance.connectors.facts import CallFacts, RecordingCipher
from compliance.connectors.fetching import FetchLimits, SafeFetcher
from compliance.connectors.probing import AudioFacts, ProbeFailed, Prober
from compliance.connectors.providers import registry
from compliance.connectors.providers.base import Unparseable
from compliance.connectors.providers.questions import AskFailed, Credentials
from compliance.connectors.refusals import FetchError, FetchRefused
from compliance.connectors.sniffing import Container
from compliance.recordings import access
from compliance.recordings.operations import announcing, keeping
from compliance.recordings.states import ArtifactKind
from compliance.vault import scopes, store

_PIECE = 256 * 1024
# Our own key is not the right one, or not there: an officer can mend that.
_WAITS_FOR_A_KEY = frozenset({"bad_private_key", "wrong_key", "truncated"})
_UNMEASURED = frozenset({"too_slow", "limits"})


class TryFailed(Exception):
    """This try ended without a recording; `code` is stable."""

    def __init__(self, code: str, *, is_retryable: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.is_retryable = is_retryable


@dataclass(frozen=True, slots=True)
class Task:
    """One recording to be had, and all that is needed for it. Addresses and keys appear in no text."""

    organisation_id: UUID
    artifact_id: UUID
    call_id: UUID
    connection_id: UUID
    platform: str
    kind: str
    variant: str
    version: int
    scope: scopes.Scope
    external_id: str = field(default="", repr=False)
    url: str = field(default="", repr=False)
    expires_at: datetime | None = None
    hosts: Sequence[str] = ()
    credentials: Credentials = field(default_factory=Credentials, repr=False)
    cipher: RecordingCipher | None = field(default=None, repr=False)
    private_key: bytes | None = field(default=None, repr=False)
    expected_hash: str = ""
    expected_size: int | None = None

    @property
    def object_kind(self) -> store.ObjectKind:
        """What it is to the vault."""
        is_copy = self.kind == ArtifactKind.REDACTED_COPY.value
        return store.ObjectKind.REDACTED_RECORDING if is_copy else store.ObjectKind.RECORDING


@dataclass(frozen=True, slots=True)
class Fetched:
    """What lies sealed in the store and has no row yet."""

    staged: store.Staged
    audio: AudioFacts | None  # None: sound, but too large for our measuring


class Audio(Protocol):
    """Sound on its way: iterated once."""

    @property
    def container(self) -> Container:
        """By its first bytes."""

    def __iter__(self) -> Iterator[bytes]:
        """The clear chunks. Raises FetchError, CipherError."""

    def received(self) -> tuple[int, str]:
        """After the last chunk: bytes that came, and the hash of these by the announced algorithm where they are not
        the clear ones, else "".
        """


class HandedAudio:
    """Sound that is at hand in pieces: looked at like that of a stranger. Raises FetchError where it is none."""

    def __init__(self, chunks: Iterable[bytes], media_type: str, max_bytes: int) -> None:
        self._rest, self._max_bytes, self._bytes_total = iter(chunks), max_bytes, 0
        self._head = self._read_head()
        self.container = sniffing.sniff(b"".join(self._head)[: sniffing.HEAD_BYTES], media_type)

    def __iter__(self) -> Iterator[bytes]:
        for chunk in chain(self._head, self._rest):
            self._bytes_total += len(chunk)
            if self._bytes_total > self._max_bytes:
                raise FetchRefused("too_large")
            yield chunk

    def received(self) -> tuple[int, str]:
        """As `Audio.received`."""
        return self._bytes_total, ""

    def _read_head(self) -> list[bytes]:
        head: list[bytes] = []
        while sum(map(len, head)) < sniffing.HEAD_BYTES:
            chunk = next(self._rest, None)
            if chunk is None:
                break
            head.append(chunk)
        return head


def download(task: Task) -> Fetched:
    """Get what the task names, and seal it. Needs no transaction.

    Raises TryFailed, and what the vault raises: KeyDestroyed, Unavailable.
    """
    with _failures_told():
        if not task.url:
            content, media_type = _content_of(task)
            return take(task, _pieces_of(content), media_type)
        if task.cipher is not None and task.private_key is None:
            raise TryFailed("no_key", is_retryable=True)
        decode = None
        if task.cipher is not None and task.private_key is not None:
            decode = functools.partial(ciphers.decrypted, cipher=task.cipher, private_key_pem=task.private_key)
        fetcher = SafeFetcher(test_hosts=destinations.parse_test_hosts(",".join(settings.FETCH_TEST_HOSTS)))
        with (
            Prober() as prober,
            fetcher.open(
                task.url,
                allowed_hosts=task.hosts,
                max_redirects=registry.provider_for(task.platform).max_redirects,
                credentials=_media_headers(task),
                limits=FetchLimits(max_bytes=settings.FETCH_MAX_BYTES),
                decode=decode,
                digest=task.expected_hash.partition(":")[0] if decode else "",
            ) as audio,
        ):
            return seal(task, audio, prober)


def take(task: Task, chunks: Iterable[bytes], media_type: str) -> Fetched:
    """Seal what is at hand. Raises as `download`, and what the chunks raise."""
    with _failures_told(), Prober() as prober:
        return seal(task, HandedAudio(chunks, media_type, settings.FETCH_MAX_BYTES), prober)


def seal(task: Task, audio: Audio, prober: Prober) -> Fetched:
    """Measure, hash and seal in one stream. What fails in the middle is taken back by the vault, what fails at the end
    here.
    """
    prober.expect(audio.container)
    staged = store.stage(
        organisation_id=task.organisation_id,
        scope=task.scope,
        kind=task.object_kind,
        source=prober.tee(audio),
        media_type=audio.container.media_type,
        version=task.version,
        with_sha512=task.expected_hash.startswith("sha512:"),
    )
    try:
        _compare(task, audio, staged)
        return Fetched(staged, _measured(prober))
    except BaseException:
        store.abandon(staged)
        raise


def _compare(task: Task, audio: Audio, staged: store.Staged) -> None:
    """What was sealed is all that was received, and what was received is what was announced."""
    size, digest = audio.received()
    if task.cipher is None and size != staged.size:
        raise FetchError("truncated")
    announced = task.expected_hash.partition(":")[2]
    agrees = digest == announced or not announced
    if task.cipher is None:
        agrees = announcing.agrees(task.expected_hash, sha256=staged.sha256, sha512=staged.sha512)
    if not agrees:
        raise TryFailed("hash_mismatch")
    if task.expected_size is not None and task.expected_size != size:
        raise TryFailed("size_mismatch")


def _measured(prober: Prober) -> AudioFacts | None:
    try:
        return prober.finish()
    except ProbeFailed as error:
        # Sound that our measuring cannot carry to the end is still the recording; what is no sound is not.
        if error.code in _UNMEASURED:
            return None
        raise


@contextmanager
def _failures_told() -> Iterator[None]:
    """Every way in which a try can end, as one kind of failure."""
    try:
        yield
    except FetchError as error:
        raise TryFailed(error.code, is_retryable=error.is_retryable) from error
    except ProbeFailed as error:
        raise TryFailed(error.code) from error
    except CipherError as error:
        raise TryFailed(error.code, is_retryable=error.code in _WAITS_FOR_A_KEY) from error
    except AskFailed as error:  # no credentials for an address that needs them
        raise TryFailed(error.code, is_retryable=True) from error


def _media_headers(task: Task) -> Mapping[str, str]:
    api = registry.provider_for(task.platform).api
    return {} if api is None else api.media_headers(task.url, task.credentials)


# --- sound inside a delivery ----------------------------------------------------------------------


def _content_of(task: Task) -> tuple[bytes, str]:
    """The sound that came inside a delivery about the call, and its media type.

    Its source is the delivery's own sealed body, which lies under the call already: so registering a call writes
    nothing to the store while it holds the call's lock, a worker that dies leaves nothing behind, and a replay finds
    the same bytes. Raises TryFailed("no_content") where no readable body holds it (any more).
    """
    provider = registry.provider_for(task.platform)
    for body in _bodies_of(task):
        try:
            found = provider.parse(body)
        except Unparseable:
            continue
        for facts in found:
            content = _matching(task, facts) if isinstance(facts, CallFacts) else None
            if content is not None:
                return content
    raise TryFailed("no_content")


def _bodies_of(task: Task) -> Iterator[bytes]:
    """Bodies that are large enough, the newest first, one at a time in memory."""
    with tenancy.scope(task.organisation_id):
        rows = access.artifacts(task.organisation_id).filter(
            call_id=task.call_id,
            kind=ArtifactKind.DELIVERY.value,
            state__in=access.READABLE,
            size__gt=task.expected_size or 0,
        )
        found = [row.object for row in rows.order_by("-id") if row.object is not None]
    for sealed in found:
        with tenancy.scope(task.organisation_id):
            body = store.open_bytes(sealed)
        yield body


def _matching(task: Task, facts: CallFacts) -> tuple[bytes, str] | None:
    for recording in facts.recordings:
        names = keeping.kind_of(recording).value, keeping.variant_of(recording)
        if recording.content is not None and names == (task.kind, task.variant):
            return recording.content, recording.media_type or ""
    return None


def _pieces_of(content: bytes) -> Iterator[bytes]:
    view = memoryview(content)
    for start in range(0, len(view), _PIECE):
        yield bytes(view[start : start + _PIECE])

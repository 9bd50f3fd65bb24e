"""AWS Key Management Service as the guard of the organisation keys.

What can go wrong: the service is slow, down, or throttles; it answers other bytes than were wrapped; its key is
disabled or about to be deleted; a wrap is opened under another key than it names. So calls are short and repeated a few
times with jitter, every wrap carries a check of the key and the name of the key that made it, a new wrap is opened once
before it is used, and whatever is not an answer is KmsUnavailable: nothing is served from a guess.

A wrap is: label 7 | length of the key's ARN 2 | ARN | check 16 | what the service gave. The check is HMAC-SHA-256 under
the wrapped key over what stands before it and the context, cut to 16 bytes; it tells another key, and nothing about
this one. Sources: AWS KMS API reference (Encrypt, Decrypt, ReEncrypt, DescribeKey), November 2026.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from compliance.vault.errors import KmsUnavailable, Unreadable
from compliance.vault.keyring import canonical_context

_LABEL = b"cw-kms\x01"
_CHECK, _LENGTH = 16, 2
_NOT_OURS = frozenset({"InvalidCiphertextException", "IncorrectKeyException", "ValidationException"})
"""What the service says of a wrap, or of a context, that is not that of the key."""
_LIMITS = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 4})
"""Seconds, and tries with jitter in between ("standard" mode of the AWS SDKs)."""
_making = threading.Lock()


@dataclass(frozen=True, slots=True)
class _Wrap:
    arn: str
    head: bytes
    check: bytes
    sealed: bytes


class AwsKms:
    """A key of AWS KMS, by its id, ARN or alias.

    The clients' credentials come from the environment, as the SDK finds them. The context is the service's encryption
    context: it stands in the service's own log, so it holds ids only.
    """

    name = "aws"

    def __init__(self, key: str, *, region: str, endpoint: str = "") -> None:
        self._key, self._region, self._endpoint = key, region, endpoint

    def __repr__(self) -> str:
        return f"AwsKms({self._key}, {self._region})"

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        """As `KeyProvider`. The wrap is opened again before it is given out."""
        with _answering():
            answer = self._client.encrypt(KeyId=self._key, Plaintext=key, EncryptionContext=dict(context))
        arn = str(answer["KeyId"]).encode("ascii")
        head = _LABEL + len(arn).to_bytes(_LENGTH, "big") + arn
        blob: bytes = head + _check(key, head, context) + answer["CiphertextBlob"]
        if not hmac.compare_digest(self.unwrap(blob, context), key):
            raise _unavailable("a new wrap did not open to what was wrapped")
        return blob

    def unwrap(self, blob: bytes, context: Mapping[str, str]) -> bytes:
        """As `KeyProvider`."""
        found = _split(blob)
        with _answering():
            answer = self._client.decrypt(CiphertextBlob=found.sealed, KeyId=found.arn, EncryptionContext=dict(context))
        key: bytes = answer["Plaintext"]
        if answer["KeyId"] != found.arn or not hmac.compare_digest(_check(key, found.head, context), found.check):
            raise Unreadable.because("the key service answered another key")
        return key

    def is_current(self, blob: bytes) -> bool:
        """As `KeyProvider`: the key that an alias names now."""
        return bool(_split(blob).arn == self._described()["Arn"])

    def healthy(self) -> bool:
        """As `KeyProvider`."""
        try:
            return bool(self._described()["KeyState"] == "Enabled")
        except (KmsUnavailable, Unreadable):
            return False

    def _described(self) -> Mapping[str, Any]:
        with _answering():
            found: Mapping[str, Any] = self._client.describe_key(KeyId=self._key)["KeyMetadata"]
        return found

    @property
    def _client(self) -> Any:
        with _making:  # sessions of the SDK are not safe between threads, clients are
            return self._made

    @cached_property
    def _made(self) -> Any:
        return _session().client("kms", region_name=self._region, endpoint_url=self._endpoint or None, config=_LIMITS)


@lru_cache(maxsize=1)
def _session() -> Any:
    """One for the process: it reads the descriptions of the services from the disk once."""
    return boto3.session.Session()


@contextmanager
def _answering() -> Iterator[None]:
    """Every way in which the service can fail, as one of ours; its words, which may hold names, stay out."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        if code in _NOT_OURS:
            raise Unreadable.because(f"key service: {code}") from None
        raise _unavailable(f"key service: {code}") from None
    except BotoCoreError as error:
        raise _unavailable(f"key service: {type(error).__name__}") from None


def _split(blob: bytes) -> _Wrap:
    at = len(_LABEL) + _LENGTH
    if blob[: len(_LABEL)] != _LABEL or len(blob) <= at:
        raise Unreadable.because("key service wrap label")
    end = at + int.from_bytes(blob[len(_LABEL) : at], "big")
    arn = blob[at:end]
    if not arn.isascii() or len(arn) < end - at or len(blob) <= end + _CHECK:
        raise Unreadable.because("key service wrap length")
    return _Wrap(arn.decode("ascii"), blob[:end], blob[end : end + _CHECK], blob[end + _CHECK :])


def _check(key: bytes, head: bytes, context: Mapping[str, str]) -> bytes:
    return hmac.digest(key, head + canonical_context(context), "sha256")[:_CHECK]


def _unavailable(finding: str) -> KmsUnavailable:
    refusal = KmsUnavailable()
    refusal.add_note(finding)
    return refusal

"""The key service: who keeps the keys that wrap the organisation keys. The default is a file on this machine.

What can go wrong: the file is readable by others, is half written, or is lost with the machine; a wrap is opened in
another place than it was made for. So the file is refused unless it is its owner's alone, is only ever replaced
whole, and every wrap is bound to a context. Whoever has this file and the key database can read everything: keep it
away from the backups of both.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from compliance.vault.errors import KmsUnavailable, Unreadable

_LABEL = b"cw-kek\x01"
_KEY, _NONCE, _TAG = 32, 12, 16


class KeyProvider(Protocol):
    """A key service.

    `context` must be the same to unwrap; services that know such a thing (encryption context) get it as it is.
    """

    name: str

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        """Wrap an organisation key. Raises KmsUnavailable."""
        ...

    def unwrap(self, blob: bytes, context: Mapping[str, str]) -> bytes:
        """The key again. Raises KmsUnavailable, or Unreadable where blob or context are not those of the wrap."""
        ...

    def is_current(self, blob: bytes) -> bool:
        """Whether the service would wrap under the same key today. Raises as `unwrap`."""
        ...

    def healthy(self) -> bool:
        """Whether wrap and unwrap would work now."""
        ...


@dataclass(frozen=True, repr=False)
class _Ring:
    primary: str
    keys: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"_Ring({len(self.keys)} keys)"


class LocalKeyring:
    """A key service in a file: `{"v": 1, "primary": kid, "keys": {kid: {"key": base64, "created": time}}}`.

    Several keys may stand in it: new wraps use the primary one, old wraps name theirs. The file is read for every
    call (some a minute for each organisation), so a rotation is seen at once and the keys lie in memory only
    meanwhile.

    A wrap is: label 7 | length of the key's id 1 | id | nonce 12 | key 32 | tag 16, bound to label, id and context.
    """

    name = "local"

    def __init__(self, path: Path) -> None:
        self._path = path

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        ring = _load(self._path)
        kid = ring.primary.encode("ascii")
        nonce = os.urandom(_NONCE)
        head = _LABEL + len(kid).to_bytes(1, "big") + kid
        return head + nonce + AESGCM(ring.keys[ring.primary]).encrypt(nonce, key, head + canonical_context(context))

    def unwrap(self, blob: bytes, context: Mapping[str, str]) -> bytes:
        head, nonce, sealed = _split(blob)
        kid = head[len(_LABEL) + 1 :].decode("ascii", errors="replace")
        key = _load(self._path).keys.get(kid)
        if key is None:
            raise Unreadable.because("wrapped by a key that is not in the keyring")
        try:
            return AESGCM(key).decrypt(nonce, sealed, head + canonical_context(context))
        except InvalidTag:
            raise Unreadable.because("keyring wrap tag") from None

    def is_current(self, blob: bytes) -> bool:
        head, _, _ = _split(blob)
        return head[len(_LABEL) + 1 :] == _load(self._path).primary.encode("ascii")

    def healthy(self) -> bool:
        try:
            _load(self._path)
        except KmsUnavailable:
            return False
        return True

    def why_unusable(self) -> str | None:
        """What keeps the file from being used, for the start-up check; None where nothing does."""
        try:
            _load(self._path)
        except KmsUnavailable as refusal:
            return "; ".join(getattr(refusal, "__notes__", [])) or refusal.message
        return None


def create_keyring(path: Path) -> None:
    """Make a keyring file with one new key.

    Raises FileExistsError: a keyring that is written over takes every organisation with it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    kid = _new_kid()
    created = {kid: {"key": _encode(os.urandom(_KEY)), "created": _now()}}
    temporary = _write_beside(path, {"v": 1, "primary": kid, "keys": created})
    try:
        os.link(temporary, path)
    finally:
        os.unlink(temporary)
    _sync_directory(path.parent)


def add_key(path: Path) -> str:
    """Add a new key and make it the primary one; older keys stay to open what they wrapped. Returns the key's id. One
    writer at a time.
    """
    _load(path)
    document = json.loads(path.read_bytes())
    kid = _new_kid()
    document["keys"][kid] = {"key": _encode(os.urandom(_KEY)), "created": _now()}
    document["primary"] = kid
    os.replace(_write_beside(path, document), path)
    _sync_directory(path.parent)
    return kid


def _load(path: Path) -> _Ring:
    """Read and check the file.

    Every way in which it cannot be used is KmsUnavailable: its keys may well exist elsewhere.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise _unavailable(f"the keyring file cannot be opened ({error.strerror})") from None
    with open(descriptor, "rb") as file:
        _refuse_shared(os.fstat(descriptor))
        return _parse(file.read())


def _refuse_shared(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _unavailable("the keyring is not a regular file")
    if status.st_uid != os.geteuid():
        raise _unavailable("the keyring file belongs to another user")
    if status.st_mode & 0o077:
        raise _unavailable("the keyring file is open to others than its owner (chmod 600)")


def _parse(data: bytes) -> _Ring:
    try:
        document = json.loads(data)
        keys = {kid: base64.b64decode(entry["key"], validate=True) for kid, entry in document["keys"].items()}
        ring = _Ring(document["primary"], keys)
        usable = document["v"] == 1 and ring.primary in keys and all(_is_kid(kid) for kid in keys)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        raise _unavailable("the keyring file is not a keyring") from None
    if not usable or any(len(key) != _KEY for key in keys.values()):
        raise _unavailable("the keyring file is not a keyring")
    return ring


def _is_kid(kid: str) -> bool:
    return kid.isascii() and 0 < len(kid) < 64


def _split(blob: bytes) -> tuple[bytes, bytes, bytes]:
    at = len(_LABEL) + 1
    if len(blob) <= at or blob[: len(_LABEL)] != _LABEL:
        raise Unreadable.because("keyring wrap label")
    at += blob[len(_LABEL)]
    if len(blob) != at + _NONCE + _KEY + _TAG:
        raise Unreadable.because("keyring wrap length")
    return blob[:at], blob[at : at + _NONCE], blob[at + _NONCE :]


def canonical_context(context: Mapping[str, str]) -> bytes:
    """A context as bytes: the order of its names is no matter."""
    return json.dumps(dict(context), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _write_beside(path: Path, document: object) -> Path:
    """Write a new file next to `path`, its owner's alone from the first moment, and bring it to the disk."""
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        json.dump(document, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unavailable(finding: str) -> KmsUnavailable:
    refusal = KmsUnavailable()
    refusal.add_note(finding)
    return refusal


def _new_kid() -> str:
    return f"k{uuid4().hex[:12]}"


def _encode(key: bytes) -> str:
    return base64.b64encode(key).decode("ascii")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

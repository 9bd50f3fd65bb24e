"""C2SP signed-note and tlog-checkpoint: how a log states the head of its tree, and how a reader comes to believe it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa

from audit.tlog import cosignature, merkle, text
from audit.tlog.errors import FormatError, ProofError

ED25519 = 0x01
ML_DSA_44 = 0x06

MAX_NOTE = 256 * 1024
MAX_SIGNATURES = 64

_PUBLIC_SIZES = {ED25519: 32, ML_DSA_44: cosignature.PUBLIC_SIZE}
_DASH = "\u2014"


def check_name(name: str) -> str:
    """The name, if a key may have it: not empty, no Unicode space, no plus, no control character; or `FormatError`."""
    if not name or "+" in name or any(c.isspace() or c < " " for c in name) or not text.is_unicode(name):
        raise FormatError("not a key name")
    return name


@dataclass(frozen=True)
class VerifierKey:
    """A key that a reader trusts: name, signature type (`ED25519` or `ML_DSA_44`) and public bytes."""

    name: str
    kind: int
    public: bytes

    @cached_property
    def key_id(self) -> bytes:
        """SHA-256(name ‖ LF ‖ type ‖ public key)[:4]."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        """`NAME+hex(key ID)+base64(type ‖ public key)`."""
        return f"{self.name}+{self.key_id.hex()}+{text.to_base64(bytes([self.kind]) + self.public)}"

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """The key of a vkey; `FormatError` for another form, another type or a key ID that does not fit."""
        parts = vkey.split("+", 2)
        if len(parts) != 3 or len(vkey) > MAX_NOTE:
            raise FormatError("not a verifier key")
        data = text.from_base64(parts[2])
        if not data or _PUBLIC_SIZES.get(data[0]) != len(data) - 1:
            raise FormatError("a verifier key of another type than Ed25519 and ML-DSA-44")
        key = cls(check_name(parts[0]), data[0], data[1:])
        if key.key_id.hex() != parts[1]:
            raise FormatError("the key ID is not the one of this name and key")
        return key

    def check(self, note_text: str, signature: bytes) -> int | None:
        """`ProofError` unless the signature is good. The signed time in POSIX seconds where the type carries one."""
        if self.kind == ML_DSA_44:
            head = Checkpoint.parse(note_text)
            return cosignature.verify(self.public, self.name, signature, head.origin, head.size, head.root)
        try:
            ed25519.Ed25519PublicKey.from_public_bytes(self.public).verify(signature, note_text.encode())
        except (InvalidSignature, ValueError) as error:
            raise ProofError(f"the signature of {self.name} does not verify") from error
        return None


def _signature_line(key: VerifierKey, signature: bytes) -> str:
    return f"{_DASH} {key.name} {text.to_base64(key.key_id + signature)}\n"


class Signer:
    """Signs notes with Ed25519 under a name; for a log the name is its origin."""

    def __init__(self, name: str, key: ed25519.Ed25519PrivateKey) -> None:
        self.key = VerifierKey(check_name(name), ED25519, key.public_key().public_bytes_raw())
        self._private = key

    @property
    def vkey(self) -> str:
        """What readers are given to trust."""
        return self.key.vkey

    def sign_note(self, note_text: str) -> str:
        """The signed note: text, blank line, signature line. `FormatError` where the text cannot stand in a note."""
        _check_text(note_text)
        return note_text + "\n" + self.signature_line(note_text)

    def signature_line(self, note_text: str) -> str:
        """One more signature line for a note of this text (rotation: old and new key sign for a while)."""
        return _signature_line(self.key, self._private.sign(note_text.encode()))


class Cosigner:
    """Signs checkpoints with ML-DSA-44 under a name."""

    def __init__(self, name: str, key: mldsa.MLDSA44PrivateKey) -> None:
        self.key = VerifierKey(check_name(name), ML_DSA_44, key.public_key().public_bytes_raw())
        self._private = key

    @property
    def vkey(self) -> str:
        """What readers are given to trust."""
        return self.key.vkey

    def signature_line(self, checkpoint: "Checkpoint", *, time: int) -> str:
        """The line that is appended to a signed checkpoint; `time` in POSIX seconds."""
        name, head = self.key.name, checkpoint
        return _signature_line(self.key, cosignature.sign(self._private, name, time, head.origin, head.size, head.root))


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line, not yet believed."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A signed note, taken apart and not yet believed. `text` ends in a newline."""

    text: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """A key whose signature on a note is good; `time` (POSIX seconds) where its type signs one."""

    key: VerifierKey
    time: int | None


def _check_text(note_text: str) -> None:
    if not note_text.endswith("\n") or any(c < " " and c != "\n" for c in note_text) or not text.is_unicode(note_text):
        raise FormatError("not the text of a note")


def _parse_signature(line: str) -> Signature:
    dash, _, rest = line.partition(" ")
    name, space, encoded = rest.partition(" ")
    if dash != _DASH or not space:
        raise FormatError("not a signature line")
    data = text.from_base64(encoded)
    if len(data) < 5:
        raise FormatError("a signature without a key ID")
    return Signature(check_name(name), data[:4], data[4:])


def parse_note(data: bytes | str) -> Note:
    """Splits a signed note at its last blank line; `FormatError` for anything that the C2SP text does not allow."""
    if len(data) > MAX_NOTE:
        raise FormatError(f"a note of more than {MAX_NOTE} bytes")
    try:
        whole = data if isinstance(data, str) else data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError("a note that is not UTF-8") from error
    _check_text(whole)
    head, blank, tail = whole.rpartition("\n\n")
    lines = tail.split("\n")[:-1]
    if not blank or not 1 <= len(lines) <= MAX_SIGNATURES:
        raise FormatError("a note without signatures, or with too many")
    return Note(head + "\n", tuple(_parse_signature(line) for line in lines))


def verify_note(note: Note, keys: Iterable[VerifierKey]) -> tuple[Verified, ...]:
    """The keys whose signatures are good, at least one.

    Lines of unknown keys are passed over. `ProofError` where no line is of a known key, or a known key's signature is
    bad: then somebody has tampered with the note, and a second good signature does not mend it (signed-note).
    """
    known = {(key.name, key.key_id): key for key in keys}
    verified = [
        Verified(key, key.check(note.text, line.signature))
        for line in note.signatures
        if (key := known.get((line.name, line.key_id)))
    ]
    if not verified:
        raise ProofError("no signature of a key that was given")
    return tuple(verified)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: its origin, how many leaves, their root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{text.to_base64(self.root)}\n"

    @classmethod
    def parse(cls, note_text: str) -> Self:
        """The head in the text of a note; `FormatError` for another form. Extension lines are allowed and not read."""
        lines = note_text.split("\n")
        if len(lines) < 4 or lines[-1] or not lines[0] or "" in lines[3:-1]:
            raise FormatError("not a checkpoint")
        return cls(lines[0], text.from_decimal(lines[1]), text.from_base64(lines[2], length=merkle.HASH_SIZE))


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint that was believed, and on whose word."""

    checkpoint: Checkpoint
    verified: tuple[Verified, ...]

    @property
    def time(self) -> int | None:
        """The latest signed time in POSIX seconds, where a cosignature carries one."""
        return max((signature.time for signature in self.verified if signature.time is not None), default=None)


def open_checkpoint(data: bytes | str, keys: Iterable[VerifierKey]) -> SignedCheckpoint:
    """The checkpoint of a signed note, if the log itself signed it: one of `keys` named as its origin verifies.

    `FormatError` for another form, `ProofError` where it is not to be believed.
    """
    note = parse_note(data)
    head = Checkpoint.parse(note.text)
    verified = verify_note(note, keys)
    if all(signature.key.name != head.origin for signature in verified):
        raise ProofError(f"the checkpoint of {head.origin} is not signed by a key of that name")
    return SignedCheckpoint(head, verified)

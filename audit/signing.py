"""The log's keys, and the signer's memory of its own.

What can go wrong: a restored or tampered database makes the signer say two different things about one log. So the
signer believes the database nothing but leaf hashes. It keeps, beside its key, the right edge of every tree that it
ever signed, grows it with the leaves that came since, and signs only where that leads to the root which the database
claims. A log that shrank, or whose past changed, is not signed again; recovery is a decision of people.
"""

import os
import secrets
import sqlite3
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa
from django.conf import settings

from audit.tlog.checkpoint import Checkpoint, Cosigner, Signer, VerifierKey
from audit.tlog.merkle import Frontier
from audit.tree import ROOT_LOG_ID

_BEGIN = b"-----BEGIN "


class KeyFileRefused(Exception):
    """The file of the log's keys is missing, readable for others, or holds something else."""


class Equivocation(Exception):
    """Signing this head would contradict what was signed before."""


class LogKeys:
    """The private keys: one Ed25519 key for every log (two while a rotation lasts), ML-DSA-44 for the root log."""

    def __init__(
        self, signers: Sequence[ed25519.Ed25519PrivateKey], cosigners: Sequence[mldsa.MLDSA44PrivateKey]
    ) -> None:
        self._signers = tuple(signers)
        self._cosigners = tuple(cosigners)

    def signers(self, name: str) -> list[Signer]:
        """Who signs notes of this origin; the first is the one that is there to stay."""
        return [Signer(name, key) for key in self._signers]

    def cosigners(self, name: str) -> list[Cosigner]:
        """Who adds the second line under the root log's checkpoints."""
        return [Cosigner(name, key) for key in self._cosigners]

    def sign(self, head: Checkpoint, *, cosigned_at: int | None = None) -> str:
        """The signed note of a tree head; with ML-DSA-44 lines of that time (POSIX seconds) where given."""
        first, *others = self.signers(head.origin)
        note = first.sign_note(head.text())
        note += "".join(signer.signature_line(head.text()) for signer in others)
        if cosigned_at is not None:
            note += "".join(cosigner.signature_line(head, time=cosigned_at) for cosigner in self.cosigners(head.origin))
        return note


def origin(log_id: UUID) -> str:
    """The name of a log, which is also the name of its keys."""
    return f"{settings.LOG_ORIGIN}/log/{'root' if log_id == ROOT_LOG_ID else log_id}"


def ensure_signing_key(path: Path | None = None) -> Path:
    """Make the log's keys where there are none, readable for this user only. A key that is there stays."""
    path = path or Path(settings.LOG_SIGNING_KEY_FILE)
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = _write_beside(path, _to_pem(ed25519.Ed25519PrivateKey.generate()))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass  # another process was first, and its key holds
        finally:
            fresh.unlink()
    if not load_keys(path).cosigners("any"):
        before = path.read_bytes().rstrip(b"\n") + b"\n"
        _write_beside(path, before + _to_pem(mldsa.MLDSA44PrivateKey.generate())).replace(path)
    return path


def _write_beside(path: Path, data: bytes) -> Path:
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return fresh


def load_keys(path: Path | None = None) -> LogKeys:
    """The log's keys from their file; `KeyFileRefused` where anybody else could read it."""
    path = path or Path(settings.LOG_SIGNING_KEY_FILE)
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise KeyFileRefused(f"{path.name} can be read by others: chmod 600")
        blocks = path.read_bytes().split(_BEGIN)[1:]
        keys = [serialization.load_pem_private_key(_BEGIN + block, None) for block in blocks]
    except OSError as error:
        raise KeyFileRefused(f"{path.name} cannot be read") from error
    except ValueError as error:
        raise KeyFileRefused(f"{path.name} holds something that is no private key") from error
    signers = [key for key in keys if isinstance(key, ed25519.Ed25519PrivateKey)]
    if not signers:
        raise KeyFileRefused(f"{path.name} holds no Ed25519 key")
    return LogKeys(signers, [key for key in keys if isinstance(key, mldsa.MLDSA44PrivateKey)])


def verifier_keys(log_id: UUID) -> list[VerifierKey]:
    """What readers of a log are given to trust."""
    keys, name = load_keys(), origin(log_id)
    cosigners = keys.cosigners(name) if log_id == ROOT_LOG_ID else []
    return [signer.key for signer in keys.signers(name)] + [cosigner.key for cosigner in cosigners]


class Memory:
    """The trees as they were signed last, in a small file beside the key, written to the disk before a note leaves
    the process.
    """

    def __init__(self, path: Path | None = None) -> None:
        key = path or Path(settings.LOG_SIGNING_KEY_FILE)
        self._path = key.with_name(f"{key.name}.memory")

    def grow(
        self, log_id: UUID, size: int, root: bytes, read_hashes: Callable[[int, int], Sequence[bytes]]
    ) -> Frontier:
        """The remembered tree, grown to `size` by the leaf hashes that `read_hashes(start, end)` gives.

        `Equivocation` where the log is smaller than remembered, lacks leaves, or does not come to the root.
        """
        tree = self._recall(origin(log_id))
        if size < tree.size:
            raise Equivocation(f"log {log_id} has {size} leaves, but {tree.size} were signed before")
        while tree.size < size:
            hashes = read_hashes(tree.size, min(size, tree.size + 65_536))
            if not hashes:
                raise Equivocation(f"log {log_id} lacks leaf {tree.size}")
            tree.extend(hashes)
        if tree.root() != root:
            raise Equivocation(f"log {log_id} is not a continuation of what was signed before")
        return tree

    def remember(self, trees: Mapping[UUID, Frontier]) -> None:
        """Write down what is about to be signed; on the disk when this returns."""
        rows = [(origin(log_id), tree.to_bytes()) for log_id, tree in trees.items()]
        with closing(self._open()) as file, file:
            file.executemany(
                "INSERT INTO heads VALUES (?, ?) ON CONFLICT (origin) DO UPDATE SET tree = excluded.tree", rows
            )

    def _recall(self, name: str) -> Frontier:
        with closing(self._open()) as file:
            found = file.execute("SELECT tree FROM heads WHERE origin = ?", (name,)).fetchone()
        return Frontier.from_bytes(found[0]) if found else Frontier()

    def _open(self) -> sqlite3.Connection:
        if not self._path.exists():
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
        file = sqlite3.connect(self._path)
        file.execute("PRAGMA synchronous = EXTRA")
        file.execute("CREATE TABLE IF NOT EXISTS heads (origin TEXT PRIMARY KEY, tree BLOB NOT NULL) WITHOUT ROWID")
        return file


def _to_pem(key: ed25519.Ed25519PrivateKey | mldsa.MLDSA44PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

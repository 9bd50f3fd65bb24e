"""What can be sealed, as one kind of reader; and the figures that are taken while it flows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256, sha512
from typing import BinaryIO, cast

from compliance.vault import envelope
from compliance.vault.envelope import ReadInto

Source = BinaryIO | Iterable[bytes] | bytes


def reading(source: Source) -> ReadInto:
    """Read from bytes, a binary file or an iterable of pieces."""
    if isinstance(source, bytes | bytearray | memoryview):
        return envelope.reader(source)
    if hasattr(source, "read"):
        return _reading_file(cast(BinaryIO, source))
    return _reading_pieces(iter(source))


def _reading_file(file: BinaryIO) -> ReadInto:
    read_into = getattr(file, "readinto", None)
    if read_into is not None:
        return lambda buffer: read_into(buffer) or 0

    def copy(buffer: memoryview) -> int:
        data = file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    return copy


def _reading_pieces(pieces: Iterator[bytes]) -> ReadInto:
    rest = memoryview(b"")

    def read_into(buffer: memoryview) -> int:
        nonlocal rest
        while not rest:
            piece = next(pieces, None)
            if piece is None:
                return 0
            rest = memoryview(piece)
        count = min(len(buffer), len(rest))
        buffer[:count] = rest[:count]
        rest = rest[count:]
        return count

    return read_into


class Measured:
    """Passes plaintext on and takes its size and hashes."""

    def __init__(self, read_into: ReadInto) -> None:
        self._read_into = read_into
        self._sha256, self._sha512 = sha256(), sha512()
        self.size = 0

    def read_into(self, buffer: memoryview) -> int:
        """Read on, as `ReadInto`."""
        count = self._read_into(buffer)
        self._sha256.update(buffer[:count])
        self._sha512.update(buffer[:count])
        self.size += count
        return count

    @property
    def sha256(self) -> str:
        """Of what has passed, hex."""
        return self._sha256.hexdigest()

    @property
    def sha512(self) -> str:
        """Of what has passed, hex."""
        return self._sha512.hexdigest()


class MeasuredPieces:
    """Passes ciphertext on and takes its length and hash."""

    def __init__(self, pieces: Iterable[memoryview]) -> None:
        self._pieces = pieces
        self._sha256 = sha256()
        self.length = 0

    def __iter__(self) -> Iterator[memoryview]:
        for piece in self._pieces:
            self._sha256.update(piece)
            self.length += len(piece)
            yield piece

    @property
    def sha256(self) -> str:
        """Of what has passed, hex."""
        return self._sha256.hexdigest()

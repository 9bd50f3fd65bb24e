"""What can be sealed, as one kind of reader; and the figures that are taken while it flows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256, sha512
from typing import BinaryIO, cast

from compliance.vault import envelope
from compliance.vault.envelope import ReadInto

_ALONE = 1024 * 1024
"""Bytes below which a thread costs more than it gives."""
_BEHIND = 8
"""Pieces that may wait for their hash."""

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
    """Passes plaintext on and takes its size and hashes.

    Pieces that nobody writes over (`bytes`) are hashed by a thread of their own once there are many: hashing takes
    longer than sealing, and leaves the interpreter to others meanwhile. A few pieces may wait, so memory stays bounded.
    Close it.
    """

    def __init__(self, source: Source) -> None:
        self._sha256, self._sha512 = sha256(), sha512()
        self._thread: ThreadPoolExecutor | None = None
        self._waiting: deque[Future[None]] = deque()
        self.size = 0
        is_pieces = not (isinstance(source, bytes | bytearray | memoryview) or hasattr(source, "read"))
        self._hashes_buffers = not is_pieces
        self._read_into = reading(self._heard(cast("Iterable[bytes]", source)) if is_pieces else source)

    def read_into(self, buffer: memoryview) -> int:
        """Read on, as `ReadInto`."""
        count = self._read_into(buffer)
        if self._hashes_buffers:
            self._take(buffer[:count])
            self.size += count
        return count

    @property
    def sha256(self) -> str:
        """Of what has passed, hex."""
        self._catch_up()
        return self._sha256.hexdigest()

    @property
    def sha512(self) -> str:
        """Of what has passed, hex."""
        self._catch_up()
        return self._sha512.hexdigest()

    def close(self) -> None:
        """End the thread, where there is one."""
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)

    def _heard(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.size += len(piece)
            if self.size <= _ALONE or not isinstance(piece, bytes):
                self._catch_up()
                self._take(piece)
            else:
                self._hand_over(piece)
            yield piece

    def _hand_over(self, piece: bytes) -> None:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="hash")
        if len(self._waiting) >= _BEHIND:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._take, piece))

    def _take(self, piece: bytes | memoryview) -> None:
        self._sha256.update(piece)
        self._sha512.update(piece)

    def _catch_up(self) -> None:
        while self._waiting:
            self._waiting.popleft().result()


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

"""What can be sealed, as one kind of reader; and the figures that are taken while it flows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256, sha512
from typing import BinaryIO, cast

from compliance.vault import envelope
from compliance.vault.envelope import ReadInto

_ALONE = 1024 * 1024
"""Bytes below which a thread costs more than it gives."""
_BEHIND = 8
"""Pieces that may wait for their hash."""

Buffer = bytes | memoryview
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


class _Behind:
    """Works pieces off in a thread of its own; a few may wait, so memory stays bounded. Close it."""

    def __init__(self, work: Callable[[Buffer], None], most: int) -> None:
        self._work, self._most = work, most
        self._thread: ThreadPoolExecutor | None = None
        self._waiting: deque[Future[None]] = deque()

    def hand_over(self, piece: Buffer) -> None:
        """Work this off behind the others; waits where too many do."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="hash")
        while len(self._waiting) >= self._most:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._work, piece))

    def catch_up(self) -> None:
        """Until nothing waits."""
        while self._waiting:
            self._waiting.popleft().result()

    def close(self) -> None:
        """End the thread, where there is one."""
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)


class Measured:
    """Passes plaintext on and takes its size and hashes; SHA-512, which costs most of all, where it is asked for.

    Pieces that nobody writes over (`bytes`) are hashed by a thread once there are many: hashing takes longer than
    sealing, and leaves the interpreter to others meanwhile. Close it.
    """

    def __init__(self, source: Source, *, with_sha512: bool = False) -> None:
        self._sha256, self._sha512 = sha256(), sha512() if with_sha512 else None
        self._behind = _Behind(self._take, _BEHIND)
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
        self._behind.catch_up()
        return self._sha256.hexdigest()

    @property
    def sha512(self) -> str:
        """Of what has passed, hex; "" where it was not asked for."""
        self._behind.catch_up()
        return self._sha512.hexdigest() if self._sha512 else ""

    def close(self) -> None:
        """End the thread, where there is one."""
        self._behind.close()

    def _heard(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.size += len(piece)
            if self.size <= _ALONE or not isinstance(piece, bytes):
                self._behind.catch_up()
                self._take(piece)
            else:
                self._behind.hand_over(piece)
            yield piece

    def _take(self, piece: Buffer) -> None:
        self._sha256.update(piece)
        if self._sha512:
            self._sha512.update(piece)


class MeasuredPieces:
    """Passes ciphertext on and takes its length and hash.

    The pieces come as `Sealing.pieces` gives them: one may be hashed while the next is made, and no longer. Close it.
    """

    def __init__(self, pieces: Iterable[memoryview]) -> None:
        self._pieces = pieces
        self._sha256 = sha256()
        self._behind = _Behind(self._sha256.update, 1)
        self.length = 0

    def __iter__(self) -> Iterator[memoryview]:
        for piece in self._pieces:
            self.length += len(piece)
            if self.length <= _ALONE:
                self._sha256.update(piece)
            else:
                self._behind.hand_over(piece)
            yield piece
        self.close()

    @property
    def sha256(self) -> str:
        """Of what has passed, hex."""
        self._behind.catch_up()
        return self._sha256.hexdigest()

    def close(self) -> None:
        """End the thread, where there is one."""
        self._behind.catch_up()
        self._behind.close()

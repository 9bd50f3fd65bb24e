"""Sealed objects: C2SP chunked-encryption v1, instance Cobblestone-256, with a reader of ranges.

What can go wrong: bytes are altered, cut, lengthened, or put in another object's place; and a reader shows some of
them before it notices. So every 16 KiB chunk carries its own tag and is yielded only after that tag held; the last
chunk is always a short one, so a cut at a chunk's edge shows in the length; the key is derived from the object's
context, and a commitment to key and context is compared before the first chunk, so that a swapped object fails there.

The promise: what comes out is what went in under the same key and context, or `Unreadable`; nothing in between.

Layout: salt 24 | commitment 32 | chunks of 16384 plaintext bytes + 16 tag bytes, the last one shorter, perhaps empty.
Key, base nonce and commitment are 76 bytes of HKDF-Expand-SHA-512; a chunk's nonce is the base nonce XOR its number.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Iterator
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from compliance.vault.errors import Unreadable
from compliance.vault.scopes import ObjectKind

FORMAT = 1
"""The number of this format in every row; another format gets another number and its own reader."""

KEY, SALT, COMMITMENT, TAG = 32, 24, 32, 16
HEADER = SALT + COMMITMENT
CHUNK = 16384
SEALED_CHUNK = CHUNK + TAG
BLOCK_CHUNKS = 16
"""Chunks a turn: 256 KiB stay in the processor's cache and below the size at which the allocator asks the kernel
anew.
"""

_LABEL = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"
_CONTEXT_LABEL = b"callwarden/obj/v1\x00"

ReadInto = Callable[[memoryview], int]
"""Fills a buffer with the next bytes and says how many came, like `RawIOBase.readinto`; 0 is the end."""


def object_context(*, organisation_id: UUID, scope_id: UUID, object_id: UUID, kind: ObjectKind, version: int) -> bytes:
    """What an object's key is bound to: fixed widths, so no two places have the same context."""
    place = organisation_id.bytes + scope_id.bytes + object_id.bytes
    return _CONTEXT_LABEL + place + int(kind).to_bytes(1, "big") + version.to_bytes(4, "big")


def sealed_length(size: int) -> int:
    """Bytes of ciphertext, header included, of `size` bytes of plaintext."""
    return HEADER + size + (size // CHUNK + 1) * TAG


def plain_size(length: int) -> int:
    """Bytes of plaintext in `length` bytes of ciphertext.

    Raises Unreadable where no plaintext has that length (cut at a chunk's edge).
    """
    full, rest = divmod(length - HEADER, SEALED_CHUNK)
    if length < HEADER + TAG or rest < TAG:
        raise Unreadable.because("impossible length")
    return full * CHUNK + rest - TAG


class _Keys:
    """What one object's key, context and salt give: its cipher, the commitment, and the nonce of every chunk."""

    def __init__(self, key: bytes, context: bytes, salt: bytes) -> None:
        if len(key) != KEY:
            raise ValueError("a data key has 32 bytes")
        material = HKDFExpand(hashes.SHA512(), 76, _LABEL + salt + context).derive(key)
        self.cipher = AESGCM(material[:32])
        self.base_nonce = int.from_bytes(material[32:44], "big")
        self.commitment = material[44:]


class _Block:
    """A buffer of some chunks for each side, which every turn of one pass over an object uses again.

    They are cut into chunks once: at 16 KiB a chunk, slicing in every turn would cost a quarter of the time.
    """

    def __init__(self, keys: _Keys, chunks: int, plain: memoryview | None = None) -> None:
        self._cipher, self._base = keys.cipher, keys.base_nonce
        self.plain = memoryview(bytearray(chunks * CHUNK)) if plain is None else plain
        self.sealed = memoryview(bytearray(chunks * SEALED_CHUNK))
        self._pairs = [
            (self.plain[i * CHUNK : (i + 1) * CHUNK], self.sealed[i * SEALED_CHUNK : (i + 1) * SEALED_CHUNK])
            for i in range(chunks)
        ]

    def seal(self, size: int, number: int, *, last: bool) -> memoryview:
        """Seal the first `size` plaintext bytes; the last block ends with a short chunk, perhaps an empty one."""
        encrypt, base, full = self._cipher.encrypt_into, self._base, size // CHUNK
        for plain, sealed in self._pairs[:full]:
            encrypt((base ^ number).to_bytes(12, "big"), plain, None, sealed)
            number += 1
        at, end = full * SEALED_CHUNK, full * SEALED_CHUNK
        if last:
            end += size - full * CHUNK + TAG
            encrypt((base ^ number).to_bytes(12, "big"), self.plain[full * CHUNK : size], None, self.sealed[at:end])
        return self.sealed[:end]

    def open(self, size: int, number: int) -> memoryview:
        """Open the first `size` ciphertext bytes; nothing is given back unless every tag held."""
        decrypt, base, full = self._cipher.decrypt_into, self._base, size // SEALED_CHUNK
        rest = size - full * SEALED_CHUNK
        at = end = full * CHUNK
        try:
            for plain, sealed in self._pairs[:full]:
                decrypt((base ^ number).to_bytes(12, "big"), sealed, None, plain)
                number += 1
            if rest:
                end += rest - TAG
                short = self.sealed[size - rest : size]
                decrypt((base ^ number).to_bytes(12, "big"), short, None, self.plain[at:end])
        except InvalidTag:
            raise Unreadable.because("chunk tag") from None
        return self.plain[:end]


class Sealing:
    """Seals one object. A data key is used for one object only."""

    def __init__(self, key: bytes, context: bytes, *, salt: bytes | None = None) -> None:
        """`salt` is given by golden vectors only."""
        salt = os.urandom(SALT) if salt is None else salt
        self._keys = _Keys(key, context, salt)
        self.header = salt + self._keys.commitment

    def pieces(self, read_into: ReadInto, *, size: int | None = None) -> Iterator[memoryview]:
        """The ciphertext, header first. `size`, where it is known, keeps the buffers of a small object small.

        A piece is a view of one of two buffers: it holds while the next one is made, and is written over by the one
        after that. So it can be hashed meanwhile.
        """
        yield memoryview(self.header)
        chunks = BLOCK_CHUNKS if size is None else min(BLOCK_CHUNKS, size // CHUNK + 1)
        block, number, last = _Block(self._keys, chunks), 0, False
        other: _Block | None = None
        while not last:
            filled = _fill(block.plain, read_into)
            last = filled < len(block.plain)
            yield block.seal(filled, number, last=last)
            if not last:
                block, other = other or _Block(self._keys, chunks, block.plain), block
                number += chunks


class Opening:
    """Opens one object, whole or in ranges.

    `length` is the ciphertext's length. It must come from an authenticated place (the wrap of the data key binds it):
    only then does a range that does not touch the end need one read and no look at the last chunk.
    """

    def __init__(self, key: bytes, context: bytes, header: bytes, length: int) -> None:
        self.size = plain_size(length)
        self._length = length
        if len(header) != HEADER:
            raise Unreadable.because("header length")
        self._keys = _Keys(key, context, header[:SALT])
        if not hmac.compare_digest(self._keys.commitment, header[SALT:]):
            raise Unreadable.because("commitment")

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """The ciphertext bytes, half-open, that `pieces(start, stop)` will read.

        A range that reaches the end includes the last chunk.
        """
        if not 0 <= start <= stop <= self.size:
            raise ValueError("range outside the object")
        if start == stop < self.size:
            return HEADER, HEADER
        first = start // CHUNK
        after = self.size // CHUNK + 1 if stop == self.size else (stop - 1) // CHUNK + 1
        return HEADER + first * SEALED_CHUNK, min(self._length, HEADER + after * SEALED_CHUNK)

    def pieces(self, start: int, stop: int, read_into: ReadInto) -> Iterator[memoryview]:
        """Plaintext bytes start to stop, half-open. `read_into` delivers the bytes of `span`, in order.

        A piece is yielded after all its chunks were authenticated; it is a view of a buffer that the next turn writes
        over.
        """
        begin, end = self.span(start, stop)
        left, number = end - begin, start // CHUNK
        block = _Block(self._keys, min(-(-left // SEALED_CHUNK), BLOCK_CHUNKS))
        while left:
            size = min(left, len(block.sealed))
            if _fill(block.sealed[:size], read_into) < size:
                raise Unreadable.because("store gave too few bytes")
            opened = block.open(size, number)
            offset = number * CHUNK
            yield opened[max(0, start - offset) : stop - offset]
            left -= size
            number += BLOCK_CHUNKS


def seal(key: bytes, context: bytes, plaintext: bytes) -> bytes:
    """Seal a small object in memory."""
    return b"".join(bytes(piece) for piece in Sealing(key, context).pieces(reader(plaintext), size=len(plaintext)))


def unseal(key: bytes, context: bytes, sealed: bytes) -> bytes:
    """Open a small object in memory; reading it whole proves its length."""
    opening = Opening(key, context, sealed[:HEADER], len(sealed))
    return b"".join(bytes(piece) for piece in opening.pieces(0, opening.size, reader(sealed[HEADER:])))


def reader(data: bytes | memoryview) -> ReadInto:
    """`ReadInto` over bytes in memory."""
    rest = memoryview(data)

    def read_into(buffer: memoryview) -> int:
        nonlocal rest
        count = min(len(buffer), len(rest))
        buffer[:count] = rest[:count]
        rest = rest[count:]
        return count

    return read_into


def _fill(buffer: memoryview, read_into: ReadInto) -> int:
    """Read until the buffer is full or the source has ended: a short read is not the end."""
    filled = 0
    while filled < len(buffer) and (count := read_into(buffer[filled:])):
        filled += count
    return filled

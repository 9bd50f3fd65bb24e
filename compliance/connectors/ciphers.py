"""Opens recordings that a platform encrypted for us: AES-256-GCM, its key wrapped by RSAES-OAEP. Pure.

What can go wrong: a changed recording is taken for the true one; a wrong key gives noise that is kept as sound; a
recording of any length lies in memory as a whole.
Principle: the tag stands in the last 16 bytes, so nothing is proven before the end. What comes out before is for a
staging place only, and an exception at the end means that all of it is worth nothing.
Promise: memory holds two chunks; everything that does not fit raises CipherError with a stable code, never a value.

Format as Twilio documents it ("Voice Recording Encryption", November 2026): key and IV in base64, key wrapped by
RSAES-OAEP with SHA-256 for both the label and MGF1. That the tag is the last 16 bytes is how its published samples read
a file; it was not tried against a real recording.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator
from typing import Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import AEADDecryptionContext, Cipher, algorithms, modes

from compliance.connectors.facts import RecordingCipher

_TAG_BYTES: Final = 16
_KEY_BYTES: Final = 32
_IV_BYTES: Final = range(12, 17)  # Twilio's samples have 12
_LEAST_RSA_BITS: Final = 2_048
_OAEP: Final = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


class CipherError(Exception):
    """A recording that does not open: `bad_private_key`, `bad_cipher`, `wrong_key`, `truncated` or `not_authentic`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def decrypted(chunks: Iterable[bytes], cipher: RecordingCipher, private_key_pem: bytes) -> Iterator[bytes]:
    """The clear bytes, chunk by chunk. Whoever reads must drop all of them where the end raises CipherError.

    The key is opened before the first chunk is asked for.
    """
    opener = _opener(cipher, load_private_key(private_key_pem))
    return _opened(chunks, opener)


def load_private_key(pem: bytes) -> rsa.RSAPrivateKey:
    """An RSA key of at least 2048 bits, in PEM without a password. Raises CipherError("bad_private_key")."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CipherError("bad_private_key") from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < _LEAST_RSA_BITS:
        raise CipherError("bad_private_key")
    return key


def _opener(cipher: RecordingCipher, private_key: rsa.RSAPrivateKey) -> AEADDecryptionContext:
    wrapped, iv = _from_base64(cipher.encrypted_key), _from_base64(cipher.iv)
    if len(iv) not in _IV_BYTES:
        raise CipherError("bad_cipher")
    try:
        key = private_key.decrypt(wrapped, _OAEP)
    except ValueError:
        raise CipherError("wrong_key") from None
    if len(key) != _KEY_BYTES:
        raise CipherError("bad_cipher")
    return Cipher(algorithms.AES(key), modes.GCM(iv)).decryptor()


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise CipherError("bad_cipher") from None


def _opened(chunks: Iterable[bytes], opener: AEADDecryptionContext) -> Iterator[bytes]:
    held = b""
    for chunk in chunks:
        held += chunk
        if len(held) > _TAG_BYTES:
            clear = opener.update(held[:-_TAG_BYTES])
            held = held[-_TAG_BYTES:]
            if clear:
                yield clear
    if len(held) < _TAG_BYTES:
        raise CipherError("truncated")
    try:
        opener.finalize_with_tag(held)
    except InvalidTag:
        raise CipherError("not_authentic") from None

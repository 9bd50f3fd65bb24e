"""C2SP tlog-cosignature with ML-DSA-44: the second line under a root checkpoint, which a quantum computer cannot forge.

The signed message is not the note but the head of the tree with the signer's name and the time, so a cosignature also
says when.
"""

import struct

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import mldsa

from audit.tlog.errors import FormatError, ProofError

PUBLIC_SIZE = 1312
SIGNATURE_SIZE = 2420

_LABEL = b"subtree/v1\n\0"
_TIME = struct.Struct(">Q")


def _opaque(text: str) -> bytes:
    data = text.encode("utf-8")
    if not 1 <= len(data) <= 255:
        raise FormatError("a name of 1 to 255 bytes is needed")
    return bytes([len(data)]) + data


def message(name: str, time: int, origin: str, size: int, root: bytes) -> bytes:
    """The `cosigned_message` for a whole tree: `time` is in POSIX seconds, the subtree starts at leaf 0."""
    return _LABEL + _opaque(name) + _TIME.pack(time) + _opaque(origin) + struct.pack(">QQ", 0, size) + root


def sign(key: mldsa.MLDSA44PrivateKey, name: str, time: int, origin: str, size: int, root: bytes) -> bytes:
    """The `timestamped_signature`: uint64 time ‖ signature."""
    return _TIME.pack(time) + key.sign(message(name, time, origin, size, root))


def verify(public: bytes, name: str, signature: bytes, origin: str, size: int, root: bytes) -> int:
    """The signed time in POSIX seconds. `ProofError` where the signature is not by this key over this head."""
    if len(signature) != _TIME.size + SIGNATURE_SIZE:
        raise ProofError("an ML-DSA-44 cosignature of another length")
    (time,) = _TIME.unpack_from(signature)
    try:
        key = mldsa.MLDSA44PublicKey.from_public_bytes(public)
        key.verify(signature[_TIME.size :], message(name, time, origin, size, root))
        if time >= 2**63:
            raise ProofError("the time of a cosignature is out of range")
    except UnsupportedAlgorithm as error:
        raise ProofError("the cryptography on this machine cannot check ML-DSA-44") from error
    except (InvalidSignature, ValueError) as error:
        raise ProofError("the ML-DSA-44 cosignature does not verify") from error
    return int(time)

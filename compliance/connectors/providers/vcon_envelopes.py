"""Opens the forms in which a vCon comes: plain, signed (JWS, RFC 7515), encrypted (JWE, refused). Pure.

What can go wrong: a signature over something else than what is read, an algorithm that the key was never for, a
certificate that is taken for trust. So a signed vCon is read from its payload alone, every signature in it must hold,
the algorithm must fit the certificate's own key, and the result says `signed`, never more: who holds the certificate is
a question for people, who find its fingerprint in the call's notes.
"""

import binascii
import json
import re
from base64 import b64decode, urlsafe_b64decode
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from compliance.connectors.facts import Trust
from compliance.connectors.providers import payloads
from compliance.connectors.providers.base import Unparseable

_MOST_SIGNATURES = 8
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_LEAST_RSA_BITS = 2_048
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
_CURVES = {"ES256": ("secp256r1", 32), "ES384": ("secp384r1", 48), "ES512": ("secp521r1", 66)}


@dataclass(frozen=True, slots=True)
class Opened:
    """A vCon's object, how far its origin is proven, and what was noted on the way."""

    document: dict[str, Any] = field(repr=False)
    trust: Trust
    notes: frozenset[str] = frozenset()


def open_document(raw_body: bytes) -> Opened:
    """The vCon in a body. Raises Unparseable: `encrypted_vcon`, `bad_vcon_signature`, or what `payloads` says."""
    outer = payloads.read_object(raw_body)
    if "ciphertext" in outer:
        raise Unparseable("encrypted_vcon")
    if "signatures" not in outer and "payload" not in outer:
        return Opened(outer, Trust.UNSIGNED)
    signatures = outer.get("signatures")
    if not isinstance(signatures, list) or not 1 <= len(signatures) <= _MOST_SIGNATURES:
        raise Unparseable("wrong_type", "signatures")
    payload = outer.get("payload")
    if not isinstance(payload, str):
        raise Unparseable("wrong_type", "payload")
    document = payloads.read_object(_decoded(payload, "payload"))
    notes = [_check(one, payload, document) for one in signatures]
    is_checked = all(not note.startswith("signature_not_checked") for note in notes)
    return Opened(document, Trust.SIGNED if is_checked else Trust.UNSIGNED, frozenset(notes))


def decoded_body(text: str, at: str) -> bytes:
    """Bytes of base64url (what the drafts say) or base64 (what older writers wrote), with or without padding."""
    return _decoded(text.translate(str.maketrans("+/", "-_")), at)


def _check(signature: Any, payload: str, document: dict[str, Any]) -> str:
    """One signature over the payload; a note with the certificate's fingerprint. Raises Unparseable where it fails."""
    if not isinstance(signature, dict):
        raise Unparseable("wrong_type", "signatures")
    protected = signature.get("protected")
    if not isinstance(protected, str) or not isinstance(signature.get("signature"), str):
        raise Unparseable("bad_vcon_signature", "protected")
    shielded = payloads.read_object(_decoded(protected, "protected"))
    open_header = signature.get("header")
    header = (open_header if isinstance(open_header, dict) else {}) | shielded
    _check_header(header, shielded, document)
    chain = header.get("x5c")
    if not isinstance(chain, list) or not chain or not isinstance(chain[0], str):
        return "signature_not_checked_no_certificate"
    certificate = _certificate(chain[0])
    value = _decoded(signature["signature"], "signature")
    try:
        _verify(certificate, str(shielded["alg"]), value, f"{protected}.{payload}".encode("ascii"))
    except (InvalidSignature, ValueError, UnicodeEncodeError):
        raise Unparseable("bad_vcon_signature", "signature") from None
    return f"vcon_certificate_{certificate.fingerprint(hashes.SHA256()).hex()}"


def _check_header(header: dict[str, Any], shielded: dict[str, Any], document: dict[str, Any]) -> None:
    if header.get("crit"):
        raise Unparseable("critical_extension", "crit")
    if not isinstance(shielded.get("alg"), str):  # an algorithm outside the seal could be anybody's choice
        raise Unparseable("bad_vcon_signature", "alg")
    told = header.get("uuid")
    if told is not None and told != document.get("uuid"):
        raise Unparseable("bad_vcon_signature", "uuid")


def _certificate(text: str) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(b64decode(text, validate=True))
    except (ValueError, binascii.Error):
        raise Unparseable("bad_vcon_signature", "x5c") from None


def _verify(certificate: x509.Certificate, algorithm: str, signature: bytes, signed: bytes) -> None:
    """Raises InvalidSignature, also for an algorithm that is none of RFC 7518 §3.1 or not for this key."""
    key, family, size = certificate.public_key(), algorithm[:2], algorithm[2:]
    if size not in _HASHES:
        raise InvalidSignature
    digest = _HASHES[size]()
    if isinstance(key, rsa.RSAPublicKey) and family in {"RS", "PS"} and key.key_size >= _LEAST_RSA_BITS:
        scheme: padding.AsymmetricPadding = padding.PKCS1v15()
        if family == "PS":
            scheme = padding.PSS(padding.MGF1(digest), digest.digest_size)
        key.verify(signature, signed, scheme, digest)
    elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm in _CURVES:
        name, length = _CURVES[algorithm]
        if key.curve.name != name or len(signature) != 2 * length:
            raise InvalidSignature
        halves = (int.from_bytes(signature[:length], "big"), int.from_bytes(signature[length:], "big"))
        key.verify(utils.encode_dss_signature(*halves), signed, ec.ECDSA(digest))
    else:
        raise InvalidSignature


def _decoded(text: str, at: str) -> bytes:
    bare = text.rstrip("=")
    if not _BASE64URL.fullmatch(bare):  # the decoder would pass over what it does not know
        raise Unparseable("not_base64", at)
    try:
        return urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except (ValueError, binascii.Error):
        raise Unparseable("not_base64", at) from None


def json_body(value: Any, encoding: str | None, at: str) -> Any:
    """A body that is JSON: as an object, or as text where the encoding says so."""
    if encoding != "json" or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise Unparseable("not_json", at) from None

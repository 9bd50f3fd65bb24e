"""The recordings in a vCon: by address with a hash, or inside the document. Pure."""

from typing import Any

from compliance.connectors.facts import RecordingFacts, RecordingKind
from compliance.connectors.providers import payloads
from compliance.connectors.providers.base import Unparseable
from compliance.connectors.providers.payloads import Fields
from compliance.connectors.providers.vcon_envelopes import decoded_body

_MAX_INLINE = 64 * 1024 * 1024


def recording_of(dialog: Fields, number: int, is_redacted: bool) -> RecordingFacts:
    """The recording of one dialog; its place in the document is its id, since no writer gives another."""
    url = dialog.line("url", payloads.MAX_URL)
    content = None if url else _content(dialog)
    return RecordingFacts(
        url=url or "",
        kind=RecordingKind.REDACTED if is_redacted else RecordingKind.MONO,
        external_id=f"dialog-{number}",
        media_type=dialog.line("mediatype") or dialog.line("mimetype"),
        duration_seconds=dialog.seconds("duration"),
        announced_hash=_hash(dialog),
        content=content,
    )


def _content(dialog: Fields) -> bytes | None:
    body = dialog.raw("body")
    if body in (None, ""):
        return None
    if not isinstance(body, str) or len(body) > _MAX_INLINE * 4 // 3:
        raise Unparseable("wrong_type", dialog.where("body"))
    if dialog.line("encoding") not in {"base64url", "base64"}:
        raise Unparseable("unknown_encoding", dialog.where("encoding"))
    return decoded_body(body, dialog.where("body"))


def _hash(dialog: Fields) -> str | None:
    """`content_hash` (one, or several of which the strongest counts), or `alg` with `signature` in syntax 0.0.1."""
    told = dialog.raw("content_hash")
    if isinstance(told, list):
        told = next((one for one in sorted(filter(_is_text, told), reverse=True)), None)
    if told is None and (dialog.line("alg") or "").upper() in {"SHA-512", "SHA-256", "LM-OTS"}:
        algorithm = (dialog.line("alg") or "").lower().replace("-", "")
        told = f"{algorithm}-{dialog.line('signature', 200) or ''}"
    if told is None or not isinstance(told, str):
        return None
    name, _, value = told.partition("-")
    lengths = {"sha256": 32, "sha512": 64}
    if name.lower() not in lengths:
        dialog.notes.add("hash_algorithm_unknown")
        return None
    digest = decoded_body(value, dialog.where("content_hash"))
    if len(digest) != lengths[name.lower()]:
        raise Unparseable("bad_hash", dialog.where("content_hash"))
    return f"{name.lower()}:{digest.hex()}"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)

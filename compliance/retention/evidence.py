"""What may be handed in as evidence of a deletion: small documents that are what they say. Pure.

What can go wrong: a page with script, or an archive, that somebody opens later in the service's name. So the kind is
found from the bytes alone, five kinds are taken, and they are only ever given out as a file to save.
"""

from __future__ import annotations

import re
from enum import StrEnum

MOST_BYTES = 10 * 1024 * 1024
_HEADER = re.compile(rb"[A-Za-z][A-Za-z0-9-]{0,60}:[ \t]")
_TELLING = (b"from:", b"date:", b"received:", b"message-id:", b"return-path:")


class EvidenceKind(StrEnum):
    """The kind of a document, and the end of its file's name."""

    PDF = "pdf"
    PNG = "png"
    JPEG = "jpeg"
    EML = "eml"
    TXT = "txt"

    @property
    def media_type(self) -> str:
        """As it is given out."""
        return _MEDIA_TYPES[self]


_MEDIA_TYPES = {
    EvidenceKind.PDF: "application/pdf",
    EvidenceKind.PNG: "image/png",
    EvidenceKind.JPEG: "image/jpeg",
    EvidenceKind.EML: "message/rfc822",
    EvidenceKind.TXT: "text/plain",
}
_MAGIC = (
    (b"%PDF-", EvidenceKind.PDF),
    (b"\x89PNG\r\n\x1a\n", EvidenceKind.PNG),
    (b"\xff\xd8\xff", EvidenceKind.JPEG),
)


class NotEvidence(ValueError):
    """Not one of the kinds that are taken. `code` is stable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def kind_of(content: bytes) -> EvidenceKind:
    """What a document is, by its bytes. Raises NotEvidence: `empty`, `too_large`, `unknown_kind`."""
    if not content:
        raise NotEvidence("empty")
    if len(content) > MOST_BYTES:
        raise NotEvidence("too_large")
    for magic, kind in _MAGIC:
        if content.startswith(magic):
            return kind
    if _is_mail(content):
        return EvidenceKind.EML
    if _is_text(content):
        return EvidenceKind.TXT
    raise NotEvidence("unknown_kind")


def _is_mail(content: bytes) -> bool:
    """RFC 5322: header lines at once, and among the first of them one that every mail has."""
    if b"\x00" in content or not _HEADER.match(content):
        return False
    head = content[:64_000].replace(b"\r\n", b"\n").split(b"\n\n", 1)[0]
    return any(line.lower().startswith(_TELLING) for line in head.split(b"\n"))


def _is_text(content: bytes) -> bool:
    """UTF-8 without control characters, and no markup that a browser would take for a page."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    if text.lstrip()[:1] == "<":
        return False
    return all(char >= " " or char in "\t\r\n\f" for char in text)

"""What is looked for, and every dress in which it may hide."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

_DEPTH = 3
_LARGE = 4 * 1024 * 1024
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)


@dataclass(frozen=True)
class Needle:
    """One value of a person, by the name that a failed search shows."""

    name: str
    dresses: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def text(cls, name: str, value: str) -> Needle:
        """Words: as they are, escaped for JSON, HTML and addresses, in other encodings, as hex and base64."""
        plain = dict.fromkeys([value, json.dumps(value)[1:-1], html.escape(value), quote(value), value.lower()])
        wide = [form.encode(code) for form in plain for code in ("utf-16-le", "utf-16-be")]
        return cls(name, (*_dressed(form.encode() for form in plain), *wide))

    @classmethod
    def raw(cls, name: str, value: bytes) -> Needle:
        """Bytes as they are, as hex and base64."""
        return cls(name, _dressed([value]))

    def is_in(self, data: bytes) -> bool:
        """Whether it is there in any dress; in large files (a database's own) as it is, and as hex."""
        dresses = self.dresses if len(data) < _LARGE else self.dresses[:2]
        return any(dress in data for dress in dresses)


@dataclass(frozen=True)
class Whole:
    """A file of which nothing but the hash is needed to know it again."""

    name: str
    sha256: str

    def is_in(self, data: bytes) -> bool:
        """Whether this is the file. Its hash in words is no copy of it: that one stays as proof of what was erased."""
        return hashlib.sha256(data).hexdigest() == self.sha256


def _dressed(forms: Iterable[bytes]) -> tuple[bytes, ...]:
    found: dict[bytes, None] = {}
    for form in forms:
        found |= {form: None, form.hex().encode(): None, form.hex().upper().encode(): None}
        for offset in range(3):  # base64 of the form, wherever it begins in what was encoded
            coded = base64.b64encode(b"\0" * offset + form)
            inner = coded[-(-offset * 4 // 3) : (len(form) + offset) // 3 * 4]
            if len(inner) >= 8:
                found |= {inner: None, inner.translate(bytes.maketrans(b"+/", b"-_")): None}
    return tuple(found)


def unpacked(data: bytes, depth: int = _DEPTH) -> Iterator[bytes]:
    """The bytes, and what is packed in them: members of a ZIP, streams of a PDF, gzip and zlib."""
    yield data
    if depth == 0:
        return
    for inner in _parts(data):
        yield from unpacked(inner, depth - 1)


def _parts(data: bytes) -> Iterator[bytes]:
    if data.startswith(b"PK\x03\x04"):
        archive = zipfile.ZipFile(io.BytesIO(data))
        yield from (archive.read(name) for name in archive.namelist())
    elif data.startswith(b"%PDF-"):
        yield from (inflated for stream in _STREAM.findall(data) if (inflated := _inflated(stream)))
    elif data[:2] in {b"\x1f\x8b", b"\x78\x9c", b"\x78\xda", b"\x78\x01"} and (inflated := _inflated(data)):
        yield inflated


def _inflated(data: bytes) -> bytes | None:
    try:
        return zlib.decompressobj(wbits=47).decompress(data)
    except zlib.error:
        return None

"""Leaf v1: the bytes of one entry in the tree, canonical JSON without personal data.

A leaf can never be changed or removed, so nothing may enter it that a person could be found by: clear fields take
random identifiers, codes of our own, numbers, digests and dates, and the grammar below has no room for more. Names,
telephone numbers, addresses and words are disclosures beside the tree, of which a leaf holds salted digests only.

The grammar is one regular expression on purpose. It accepts the canonical spelling alone, so a leaf that matches needs
no second encoding to be compared with, and a million of them are checked in less time than a JSON parser would take.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, TypeAlias
from uuid import UUID

from audit.tlog import text
from audit.tlog.errors import FormatError

MAX_LEAF = 16 * 1024
CLASSES = ("access", "change", "delete", "decision", "auth", "config", "system")

Clear: TypeAlias = str | int | bool | None

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_CODE = "[a-z][a-z0-9_.:/+-]{0,63}"
_DATE = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = f"{_DATE}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_NAME = "[a-z][a-z0-9_]{0,47}"
# A code of more than six characters has a letter: telephone numbers and IPv4 addresses have none. Hex digests have
# sixteen digits or more, one more than the longest telephone number.
_TEXT = (
    '(?:[a-z0-9_.:/+-]{1,6}|(?=[^a-z"]{0,63}[a-z])[a-z0-9_.:/+-]{1,64}|[0-9a-f]{16,128}'
    f"|{_UUID}|{_DATE}|{_TIME}(?:\\.[0-9]{{1,6}})?(?:Z|\\+00:00))"
)


def _up_to(limit: int) -> str:
    """The decimals 1…limit without leading zeros."""
    digits = str(limit)
    lower = [
        f"{digits[:place]}[{int(not place)}-{int(digit) - 1}][0-9]{{{len(digits) - place - 1}}}"
        for place, digit in enumerate(digits)
        if int(digit) > int(not place)
    ]
    return "(?:" + "|".join([f"[1-9][0-9]{{0,{len(digits) - 2}}}", *lower, digits]) + ")"


_COUNT = _up_to(text.MAX_INTEGER)
_INTEGER = f"(?:0|-?{_COUNT})"
_WHY = f'"{_NAME}":(?:null|"{_TEXT}")'
_WHAT = f'"{_NAME}":(?:null|true|false|{_INTEGER}|"{_TEXT}")'


def _many(item: str, end: str) -> str:
    return f"((?:{item}(?:,(?!{end})|(?={end})))*)"


_LEAF = re.compile(
    (
        r'\{"_sd":\[' + _many('"[A-Za-z0-9_-]{43}"', r"\]") + r'\],"_sd_alg":"sha-256",'
        f'"act":"({_CODE})","at":"({_TIME}\\.[0-9]{{6}})Z","cause":(?:null|"({_UUID})"),"cls":"({"|".join(CLASSES)})",'
        f'"id":"({_UUID})","lane":\\{{"n":({_COUNT}),"w":"([0-9a-f]{{1,64}})"\\}},'
        f'"obj":\\{{"id":(?:null|"({_UUID})"),"t":"({_CODE})"\\}},"org":"({_UUID})","out":"({_CODE})",'
        r'"req":(?:null|"([0-9a-f]{1,128})"),"v":1,'
        r'"what":\{' + _many(_WHAT, r"\}") + r'\},"why":\{' + _many(_WHY, r"\}") + r"\}\}"
    ).encode()
)
_PAIR = re.compile(rb'"([a-z0-9_]+)":(?:"([^"]*)"|([^",]+))')
_IS_NAME = re.compile(_NAME)
_IS_TEXT = re.compile(_TEXT)
_PATTERNS = {
    "act": re.compile(_CODE),
    "out": re.compile(_CODE),
    "object_type": re.compile(_CODE),
    "writer": re.compile("[0-9a-f]{1,64}"),
    "request": re.compile("[0-9a-f]{1,128}"),
}
_NOTHING: Mapping[str, None] = MappingProxyType({})
_WORDS = {None: "null", True: "true", False: "false"}


class Scan(NamedTuple):
    """The fields of a valid leaf as they stand in its bytes: None for null, lists and objects without brackets."""

    sd: bytes
    act: bytes
    at: bytes
    cause: bytes | None
    cls: bytes
    id: bytes
    number: bytes
    writer: bytes
    object_id: bytes | None
    object_type: bytes
    organisation: bytes
    out: bytes
    request: bytes | None
    what: bytes
    why: bytes

    @property
    def digests(self) -> list[bytes]:
        """The digests of `_sd`, in ascending order."""
        return self.sd[1:-1].split(b'","') if self.sd else []


def scan(data: bytes) -> Scan:
    """The fields of a leaf; `FormatError` unless these are the canonical bytes of a leaf v1."""
    match = _LEAF.fullmatch(data)
    if match is None or len(data) > MAX_LEAF:
        raise FormatError("not the canonical bytes of a leaf v1")
    fields = Scan._make(match.groups())
    digests = fields.digests
    if len(digests) > 1 and any(map(bytes.__ge__, digests, digests[1:])):
        raise FormatError("the digests of a leaf are not in ascending order, or doubled")
    if not (_in_order(fields.what) and _in_order(fields.why)):
        raise FormatError("the members of a leaf are not in order, or doubled")
    if not _is_in_calendar(fields.at[:10]):
        raise FormatError("the time of a leaf is not in the calendar")
    return fields


def _in_order(members: bytes) -> bool:
    if b"," not in members:
        return True
    names = [pair[0] for pair in _PAIR.findall(members)]
    return not any(map(bytes.__ge__, names, names[1:]))


@lru_cache(maxsize=64)
def _is_in_calendar(day: bytes) -> bool:
    try:
        date.fromisoformat(day.decode())
    except ValueError:
        return False
    return True


class Leaf(NamedTuple):
    """One entry. `at` is aware; `writer` is hex and numbers its entries in one log from 1 without a hole (`number`).

    A named tuple because it is made tens of thousands of times a second, and a frozen dataclass costs four times that.
    """

    id: UUID
    organisation_id: UUID
    at: datetime
    act: str
    cls: str
    out: str
    object_type: str
    object_id: UUID | None
    writer: str
    number: int
    cause: UUID | None = None
    request: str | None = None
    what: Mapping[str, Clear] = _NOTHING
    why: Mapping[str, str | None] = _NOTHING
    digests: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """The canonical bytes; `FormatError` that names the field which may not stand in a leaf."""
        digests = ",".join([f'"{digest}"' for digest in sorted(self.digests)])
        data = (
            f'{{"_sd":[{digests}],"_sd_alg":"sha-256","act":"{self.act}","at":"{_at(self.at)}",'
            f'"cause":{_uuid(self.cause)},"cls":"{self.cls}","id":"{self.id!s}",'
            f'"lane":{{"n":{self.number},"w":"{self.writer}"}},'
            f'"obj":{{"id":{_uuid(self.object_id)},"t":"{self.object_type}"}},"org":"{self.organisation_id!s}",'
            f'"out":"{self.out}","req":{_request(self.request)},"v":1,'
            f'"what":{clear_members(self.what)},"why":{clear_members(self.why)}}}'
        ).encode(errors="surrogatepass")
        if not _LEAF.fullmatch(data) or len(data) > MAX_LEAF or len(set(self.digests)) != len(self.digests):
            raise FormatError(self._fault())
        return data

    def _fault(self) -> str:
        for name, pattern in _PATTERNS.items():
            value = getattr(self, name)
            if value is not None and not pattern.fullmatch(value):
                return f"{name} of a leaf takes a code, not free text"
        if self.cls not in CLASSES:
            return "cls of a leaf is none of the classes"
        if not all(isinstance(value, str | None) for value in self.why.values()):
            return "why of a leaf takes text only"
        return f"an identifier, number or digest of the leaf is none, or it has more than {MAX_LEAF} bytes"

    @classmethod
    def parse(cls, data: bytes) -> "Leaf":
        """The entry of a leaf; `FormatError` unless these are the canonical bytes of a leaf v1."""
        fields = scan(data)
        return cls(
            id=UUID(fields.id.decode()),
            organisation_id=UUID(fields.organisation.decode()),
            at=datetime.fromisoformat(fields.at.decode()).replace(tzinfo=UTC),
            act=fields.act.decode(),
            cls=fields.cls.decode(),
            out=fields.out.decode(),
            object_type=fields.object_type.decode(),
            object_id=_to_uuid(fields.object_id),
            writer=fields.writer.decode(),
            number=int(fields.number),
            cause=_to_uuid(fields.cause),
            request=None if fields.request is None else fields.request.decode(),
            what=_to_members(fields.what),
            why={name: value for name, value in _to_members(fields.why).items() if isinstance(value, str | None)},
            digests=tuple(digest.decode() for digest in fields.digests),
        )


def _at(at: datetime) -> str:
    if at.tzinfo is not UTC:
        if at.tzinfo is None:
            raise FormatError("the time of a leaf names no zone")
        at = at.astimezone(UTC)
    return at.isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"


def _uuid(value: UUID | None) -> str:
    return "null" if value is None else f'"{value!s}"'


def _request(value: str | None) -> str:
    return "null" if value is None else f'"{value}"'


def _to_uuid(value: bytes | None) -> UUID | None:
    return None if value is None else UUID(value.decode())


def _to_members(members: bytes) -> dict[str, Clear]:
    words: dict[bytes, Clear] = {b"null": None, b"true": True, b"false": False}
    return {
        name.decode(): quoted.decode() if not bare else words[bare] if bare in words else int(bare)
        for name, quoted, bare in _PAIR.findall(members)
    }


def check_clear(name: str, value: Clear) -> None:
    """`FormatError` unless the pair may stand in the clear `what` or `why` of a leaf."""
    if not _IS_NAME.fullmatch(name):
        raise FormatError(f"{name!r} is not the name of a clear field")
    if isinstance(value, str):
        if not _IS_TEXT.fullmatch(value):
            raise FormatError(f"{name} takes an id, a code, a digest or a date in clear, not free text")
    elif isinstance(value, int):
        if abs(value) > text.MAX_INTEGER:
            raise FormatError(f"{name} is an integer beyond 2^53")
    elif value is not None:
        raise FormatError(f"{name} is neither text nor a whole number")


def clear_members(members: Mapping[str, Clear]) -> str:
    """The canonical JSON object of clear pairs, each checked."""
    if not members:
        return "{}"
    parts = []
    for name in sorted(members):
        value = members[name]
        check_clear(name, value)
        if isinstance(value, str):
            parts.append(f'"{name}":"{value}"')
        else:
            parts.append(f'"{name}":{_WORDS[value] if value is None or isinstance(value, bool) else value}')
    return "{" + ",".join(parts) + "}"

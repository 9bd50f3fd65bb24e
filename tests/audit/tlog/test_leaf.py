"""Leaf v1: canonical to the byte, and no room for a person."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit.tlog import leaf
from audit.tlog.errors import FormatError
from tests.audit.tlog.vectors import leaf_of

CLEAR_TEXTS = (
    st.uuids().map(str)
    | st.from_regex(r"[a-z][a-z0-9_.:/+-]{0,63}", fullmatch=True)
    | st.binary(min_size=8, max_size=64).map(bytes.hex)
    | st.dates().map(str)
    | st.datetimes().map(lambda at: at.replace(microsecond=0).isoformat() + "Z")
)
EARLIEST = datetime(1970, 1, 2)  # noqa: DTZ001 - hypothesis adds the zone
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,47}", fullmatch=True)
LEAVES = st.builds(
    leaf.Leaf,
    id=st.uuids(),
    organisation_id=st.uuids(),
    at=st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=2))]), min_value=EARLIEST),
    act=st.from_regex(r"[a-z][a-z0-9_.]{0,30}", fullmatch=True),
    cls=st.sampled_from(leaf.CLASSES),
    out=st.sampled_from(["ok", "denied", "error:no_match"]),
    object_type=st.just("recording"),
    object_id=st.none() | st.uuids(),
    writer=st.binary(min_size=1, max_size=32).map(bytes.hex),
    number=st.integers(1, 2**53 - 1),
    cause=st.none() | st.uuids(),
    request=st.none() | st.binary(min_size=1, max_size=64).map(bytes.hex),
    what=st.dictionaries(
        NAMES, CLEAR_TEXTS | st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1), max_size=8
    ),
    why=st.dictionaries(NAMES, CLEAR_TEXTS | st.none(), max_size=8),
    digests=st.lists(st.from_regex(r"[A-Za-z0-9_-]{43}", fullmatch=True), unique=True, max_size=6).map(tuple),
)


@given(LEAVES)
def test_a_leaf_is_canonical_json_and_reads_back(entry: leaf.Leaf) -> None:
    data = entry.encode()

    assert rfc8785.dumps(json.loads(data)) == data
    again = leaf.Leaf.parse(data)
    assert again.encode() == data
    assert again.at == entry.at
    assert (again.what, again.why) == (entry.what, entry.why)
    assert again._replace(at=entry.at, digests=entry.digests) == entry


def test_the_members_are_those_of_the_format() -> None:
    members = json.loads(leaf_of(1).encode())

    assert list(members) == [
        "_sd",
        "_sd_alg",
        "act",
        "at",
        "cause",
        "cls",
        "id",
        "lane",
        "obj",
        "org",
        "out",
        "req",
        "v",
        "what",
        "why",
    ]
    assert members["v"] == 1
    assert members["at"] == "2026-11-22T11:00:01.123456Z"
    assert members["lane"] == {"n": 2, "w": "0123456789abcdef"}


def changed(**changes: Any) -> leaf.Leaf:
    """The example entry with other fields, of whatever type."""
    return leaf_of(1)._replace(**changes)


PERSONAL = [
    "Jane Doe",
    "jane@example.com",
    "+49 30 1234567",
    "+49301234567",
    "01701234567",
    "203.0.113.7",
    "2001:DB8::1",
    "Łuczak",
    "jane\u0000",
    'a"b',
    "a\\b",
    "a\nb",
    "x" * 65,
    "",
    "ABC",
    "\ud800",
    "4111111111111111 ",
]


@pytest.mark.parametrize("value", PERSONAL)
def test_what_could_be_a_person_has_no_place_in_clear(value: str) -> None:
    for field in ("what", "why"):
        with pytest.raises(FormatError, match="reason"):
            changed(**{field: {"reason": value}}).encode()
    for field in ("act", "out", "object_type", "cls"):
        with pytest.raises(FormatError, match=field):
            changed(**{field: value}).encode()


@pytest.mark.parametrize(
    "value",
    [
        "ok",
        "206",
        "retention/7",
        "eu-gdpr",
        "a:b.c_d+e-f",
        "0199e5a0-0000-7000-8000-000000000001",
        "ab" * 64,
        "1" * 64,
        "11111111-1111-1111-1111-111111111111",
        "2026-11-22",
        "2026-11-22T12:00:00Z",
        "2026-11-22T12:00:00.5+00:00",
    ],
)
def test_ids_codes_digests_and_dates_may_stand_in_clear(value: str) -> None:
    assert leaf.Leaf.parse(leaf_of(1)._replace(what={"a": value}).encode()).what == {"a": value}


@pytest.mark.parametrize(
    "changes",
    [
        {"what": {"Name": 1}},
        {"what": {"": 1}},
        {"what": {"a b": 1}},
        {"what": {"a": 1.5}},
        {"what": {"a": 2**53}},
        {"what": {"a": [1]}},
        {"why": {"a": 1}},
        {"why": {"a": True}},
        {"number": 0},
        {"number": 2**53},
        {"number": -1},
        {"at": leaf_of(1).at.replace(tzinfo=None)},
        {"digests": ("short",)},
        {"digests": ("A" * 43, "A" * 43)},
        {"object_id": "Jane"},
        {"organisation_id": "x"},
        {"writer": "XYZ"},
        {"act": 'x","at":"2026-01-01T00:00:00.000000Z'},
        {"what": {'a":1,"b': 1}},
        {"what": {f"a{n}": "0" * 128 for n in range(200)}},
    ],
)
def test_bad_fields_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        changed(**changes).encode()


GOOD = leaf_of(1).encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"v":1', b'"v":2'),
        (b'"v":1', b'"v":1.0'),
        (b'"v":1', b'"v": 1'),
        (b'"v":1,', b'"v":1,"x":1,'),
        (b"{", b" {"),
        (b'"out":"ok",', b""),
        (b'"count":1', b'"count":1.0'),
        (b'"count":1', b'"count":01'),
        (b'"count":1', b'"count":-0'),
        (b'"count":1', b'"count":9007199254740992'),
        (b'"count":1', b'"count":1e3'),
        (b'"n":2', b'"n":9007199254740992'),
        (b'"complete":true,"count":1', b'"count":1,"complete":true'),
        (b'"complete":true', b'"count":1'),
        (b'"until":"2026-12-24"', b'"until":"24 December"'),
        (b'"until":"2026-12-24"', b'"until":["a"]'),
        (b'"n":2', b'"n":0'),
        (b"2026-11-22T11", b"2026-02-30T11"),
        (b"2026-11-22T11", b"2026-11-22T24"),
        (b"sha-256", b"sha-512"),
        (b'"cls":"access"', b'"cls":"other"'),
        (b'"_sd":["', b'"_sd":["' + b"z" * 43 + b'","'),
        (b'"req":"4bf9', b'"req":"4BF9'),
        (b'"_sd":["', b'"_sd":[,"'),
        (b'"what":{', b'"what":{,'),
        (b"1.123456Z", b"1.123Z"),
        (b"}}", b"}}\n"),
        (b"}}", b"},}"),
    ],
)
def test_other_bytes_are_no_leaf(old: bytes, new: bytes) -> None:
    assert GOOD.count(old) >= 1
    with pytest.raises(FormatError):
        leaf.scan(GOOD.replace(old, new, 1))


def test_the_greatest_integers_are_taken() -> None:
    entry = leaf_of(1)._replace(
        number=2**53 - 1, what={"a": 2**53 - 1, "b": -(2**53) + 1, "c": 8999999999999999, "d": 0}
    )

    assert leaf.Leaf.parse(entry.encode()).what == entry.what


def test_a_leaf_of_too_many_bytes_is_refused() -> None:
    digests = tuple(f"{number:043d}" for number in range(400))
    with pytest.raises(FormatError, match="16384"):
        leaf_of(1)._replace(digests=digests).encode()


def test_an_integer_identifier_type_is_not_read_as_text() -> None:
    entry = leaf.Leaf.parse(GOOD)

    assert isinstance(entry.id, UUID)
    assert entry.at.tzinfo is UTC

"""From inbox rows to leaves, without a database."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import clear, leaves
from audit.ids import uuid7
from audit.tlog import canonical, leaf, text
from audit.tlog.errors import FormatError
from tests.audit.sealer import MemorySealer

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
IDENTIFYING = {
    "caller": "+49 30 123456",
    "reason": "Frau Müller bat darum",
    "after": {"name": "Ada", "tags": [1, None]},
}


def clear_half(**changes: object) -> str:
    values: dict[str, object] = {
        "act": "recordings.call.opened",
        "cls": "access",
        "out": "ok",
        "object_type": "call",
        "object_id": uuid7(),
        "lane": clear.Lane("00ff00ff00ff00ff", 3),
        "cause": None,
        "request": None,
        "what": {"bytes": 12},
        "why": {"purpose": "quality"},
    }
    return clear.compose(**(values | changes))  # type: ignore[arg-type]


def row(sealer: MemorySealer, blob: object = None, clear_text: str | None = None) -> leaves.Row:
    entry_id = uuid7()
    sealed = sealer.seal_inbox(entry_id=entry_id, plaintext=json.dumps(blob).encode()) if blob is not None else None
    return leaves.Row(
        entry_id,
        NOW,
        uuid7(),
        clear_half() if clear_text is None else clear_text,
        sealed.key_id if sealed else None,
        sealed.data if sealed else None,
    )


def blob(details: object, subject: UUID | None = None) -> object:
    return {"who": {"actor": "person:x", "ip": "203.0.113.7"}, "details": details, "subject": subject and str(subject)}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=10), JSON_VALUES, min_size=1, max_size=4))
def test_disclosures_are_those_of_the_format(values: dict[str, text.JSON]) -> None:
    if {"_sd", "..."} & values.keys() or any("\ud800" <= c <= "\udfff" for c in json.dumps(values, ensure_ascii=False)):
        return
    made = leaves.disclose(values, leaves.salts())
    for disclosure, (name, value) in zip(made, values.items(), strict=True):
        parsed = canonical.parse_disclosure(disclosure.decode())
        assert (parsed.name, parsed.value) == (name, value)
        assert len(parsed.salt) >= 16
        assert canonical.disclose(name, value, parsed.salt) == disclosure.decode()


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=6))
def test_digests_in_one_encoding_are_those_of_many(digests: list[bytes]) -> None:
    assert leaves.in_base64url(digests) == [text.to_base64url(digest) for digest in digests]


def test_salts_are_random_and_never_repeat() -> None:
    first, second = leaves.salts(), leaves.salts()
    drawn = [next(first) for _ in range(3000)] + [next(second) for _ in range(3000)]
    assert len(set(drawn)) == len(drawn)
    assert {len(salt) for salt in drawn} == {24}


def test_nothing_that_identifies_is_in_the_leaf_and_every_digest_has_a_disclosure() -> None:
    sealer, subject = MemorySealer(), uuid7()
    built = leaves.build(row(sealer, blob(IDENTIFYING, subject)), sealer, leaves.salts())
    for value in ("123456", "Müller", "Ada", "203.0.113.7", "person:x", str(subject), "caller", "reason"):
        assert value.encode() not in built.data.replace(b"123456Z", b"")
    assert {part.name: part.subject_id for part in built.parts} == {"who": None, "details": subject}
    disclosed: list[str] = []
    for part in built.parts:
        opened = sealer.open_disclosure(
            organisation_id=built.organisation_id, subject_id=part.subject_id, key_id=part.key_id, entry_id=built.id,
            name=part.name, data=part.data,
        )  # fmt: skip
        disclosed += opened.decode().split("~")
    assert sorted(map(canonical.digest, disclosed)) == list(leaf.Leaf.parse(built.data).digests)
    assert {canonical.parse_disclosure(d).name for d in disclosed} == {"actor", "ip", *IDENTIFYING}


def test_python_and_the_slow_road_make_the_same_leaf() -> None:
    half = clear_half(cause=uuid7(), request="4bf92f3577b34da6a3ce929d0e0e4736")
    other_order = json.dumps(dict(reversed(json.loads(half).items())))
    entry_id, organisation_id, digests = uuid7(), uuid7(), ["B" * 43, "A" * 43]
    fast, slow = (
        clear.complete(half_, entry_id=entry_id, organisation_id=organisation_id, at=NOW, digests=digests)
        for half_ in (half, other_order)
    )
    assert fast == slow
    assert leaf.Leaf.parse(fast).at == NOW


@pytest.mark.parametrize(
    "text_",
    ["", "null", "[]", "{}", '{"act":"x"}', clear_half().replace("access", "nonsense"),
     clear_half().replace('"bytes":12', '"bytes":"+49 30 123456"'),
     clear_half().replace("recordings.call", "Frau Müller"),
     "[" * 100_000, clear_half()[:-1] + ',"what":{}}', '{"act":"' + "\x00" * 50],
)  # fmt: skip
def test_a_row_that_breaks_the_grammar_becomes_an_entry_that_says_so(text_: str) -> None:
    sealer = MemorySealer()
    built = leaves.build(row(sealer, blob({"a": 1}), text_), sealer, leaves.salts())
    entry = leaf.Leaf.parse(built.data)
    assert (entry.act, entry.out, entry.object_id) == ("log.entry.refused", "refused", built.id)
    assert b"Frau" not in built.data
    assert len(entry.digests) == 3


@pytest.mark.parametrize("data", [b"", b"x" * 40, None])
def test_a_sealed_part_that_cannot_be_opened_is_named_as_lost(data: bytes | None) -> None:
    sealer = MemorySealer()
    made = row(sealer, blob(IDENTIFYING))
    assert made.key_id
    if data is None:
        sealer.destroyed.add(made.key_id)
    else:
        made = made._replace(sealed=data)
    entry = leaf.Leaf.parse(leaves.build(made, sealer, leaves.salts()).data)
    assert entry.act == "recordings.call.opened"
    assert entry.what == {"bytes": 12, "sealed": "lost"}
    assert entry.digests == ()


@pytest.mark.parametrize("content", [[], 7, {"who": 1}, {"who": {}, "details": {"_sd": 1}, "subject": None}, "\ud800"])
def test_a_blob_that_is_none_of_ours_is_lost_too(content: object) -> None:
    sealer = MemorySealer()
    entry = leaf.Leaf.parse(leaves.build(row(sealer, content), sealer, leaves.salts()).data)
    assert entry.what["sealed"] == "lost"


def test_disclosures_of_an_erased_subject_are_never_sealed() -> None:
    sealer, subject = MemorySealer(), uuid7()
    made = row(sealer, blob(IDENTIFYING, subject))
    sealer.destroy_subject(made.organisation_id, subject)
    built = leaves.build(made, sealer, leaves.salts())
    assert [part.name for part in built.parts] == ["who"]
    assert len(built.erased) == 32 * len(IDENTIFYING)
    assert len(leaf.Leaf.parse(built.data).digests) == 2 + len(IDENTIFYING)


@pytest.mark.parametrize(
    "changes",
    [{"act": "Opened By Ada"}, {"cls": "other"}, {"out": 'ok","x":"y'}, {"object_type": "+49 30 123456"},
     {"what": {"phone": "004930123456"}}, {"what": {"Name": 1}}, {"why": {"reason": "she asked for it"}},
     {"what": {"n": 2**53}}, {"what": {f"n{i}": "a" * 64 for i in range(400)}}],
)  # fmt: skip
def test_what_may_not_stand_in_a_leaf_is_refused_at_once(changes: dict[str, object]) -> None:
    with pytest.raises(FormatError):
        clear_half(**changes)

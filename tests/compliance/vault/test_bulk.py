"""Opening many objects at once: the same promises as one by one."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from accounts import tenancy
from compliance.vault import scopes, store
from compliance.vault.hierarchy import KeyName
from compliance.vault.keystore import custody
from compliance.vault.models import SealedObject


def sealed(organisation_id: UUID, text: bytes, *people: UUID) -> SealedObject:
    with tenancy.scope(organisation_id):
        return store.put_inline(
            organisation_id=organisation_id,
            scope=scopes.call(uuid4(), people or [uuid4()]),
            kind=store.ObjectKind.TRANSCRIPT,
            plaintext=text,
            media_type="application/json",
        )


def opened(organisation_id: UUID, objects: list[SealedObject]) -> list[tuple[UUID, bytes | None]]:
    with tenancy.scope(organisation_id):
        return [(one.id, text) for one, text in store.open_each(organisation_id, objects)]


def test_many_are_opened_in_order(organisation_id: UUID) -> None:
    objects = [
        sealed(organisation_id, b"text %d" % number, *(uuid4() for _ in range(number % 3))) for number in range(9)
    ]
    custody.forget()
    expected = [(one.id, b"text %d" % number) for number, one in enumerate(objects)]
    assert opened(organisation_id, objects[::-1]) == expected[::-1]
    assert opened(organisation_id, []) == []


def test_objects_of_the_store_are_opened_too(organisation_id: UUID, store_folder: Path) -> None:
    with tenancy.scope(organisation_id):
        one = store.put(
            organisation_id=organisation_id,
            scope=scopes.call(uuid4(), [uuid4()]),
            kind=store.ObjectKind.TRANSCRIPT,
            source=b"long",
            media_type="application/json",
        )
    assert any(store_folder.rglob("*"))
    assert opened(organisation_id, [one]) == [(one.id, b"long")]


def test_what_was_ended_is_left_out_whatever_is_cached(organisation_id: UUID) -> None:
    person = uuid4()
    objects = [
        sealed(organisation_id, b"a", person),
        sealed(organisation_id, b"b"),
        sealed(organisation_id, b"c", person),
    ]
    with tenancy.scope(organisation_id):
        store.begin_destruction(organisation_id, [scopes.subject(person)], ground="test", cause=uuid4())
    assert opened(organisation_id, objects) == [(objects[1].id, b"b")]


def test_a_missing_key_leaves_out_what_it_opened_and_nothing_else(organisation_id: UUID) -> None:
    objects = [sealed(organisation_id, b"a"), sealed(organisation_id, b"b")]
    name = KeyName.of_scope(scopes.ScopeKind.CALL, objects[0].scope_id)
    custody.destroy(organisation_id, [name])
    custody.forget()
    assert opened(organisation_id, objects) == [(objects[1].id, b"b")]


def test_deleted_bytes_are_left_out(organisation_id: UUID) -> None:
    objects = [sealed(organisation_id, b"a"), sealed(organisation_id, b"b")]
    with tenancy.scope(organisation_id):
        store.delete_bytes(objects[0])
        fresh = [store.sealed_object(organisation_id, one.id) for one in objects]
    assert opened(organisation_id, fresh) == [(objects[1].id, b"b")]


def test_a_spoilt_one_raises_the_alarm_and_is_told_apart(
    organisation_id: UUID, caplog: pytest.LogCaptureFixture
) -> None:
    objects = [sealed(organisation_id, b"first"), sealed(organisation_id, b"second"), sealed(organisation_id, b"third")]
    inline = objects[1].inline
    assert inline is not None
    objects[1].inline = bytes([inline[0] ^ 1]) + bytes(inline[1:-1]) + bytes([inline[-1] ^ 1])
    assert [text for _, text in opened(organisation_id, objects)] == [b"first", None, b"third"]
    assert "vault.unreadable" in caplog.text
    assert "second" not in caplog.text


def test_another_organisations_keys_open_nothing(organisation_id: UUID, other_organisation_id: UUID) -> None:
    one = sealed(organisation_id, b"a")
    custody.forget()
    assert opened(other_organisation_id, [one]) == []

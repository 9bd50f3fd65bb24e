"""The keyring file: what it wraps, what it refuses, and what happens to it when something goes wrong."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.vault import keyring
from compliance.vault.errors import KmsUnavailable, Unreadable
from compliance.vault.keyring import LocalKeyring

SECRET = bytes(range(32))
CONTEXT = {"organisation": "0190", "version": "1"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "secrets" / "keyring.json"
    keyring.create_keyring(made)
    return made


def test_a_wrapped_key_comes_back(path: Path) -> None:
    service = LocalKeyring(path)
    blob = service.wrap(SECRET, CONTEXT)
    assert service.unwrap(blob, CONTEXT) == SECRET
    assert SECRET not in blob


def test_the_order_of_the_context_is_no_matter(path: Path) -> None:
    service = LocalKeyring(path)
    blob = service.wrap(SECRET, {"a": "1", "b": "2"})
    assert service.unwrap(blob, {"b": "2", "a": "1"}) == SECRET


@pytest.mark.parametrize("context", [{}, {"organisation": "0191", "version": "1"}, {**CONTEXT, "more": ""}])
def test_another_context_is_unreadable(path: Path, context: dict[str, str]) -> None:
    service = LocalKeyring(path)
    with pytest.raises(Unreadable):
        service.unwrap(service.wrap(SECRET, CONTEXT), context)


def test_every_bit_of_a_wrap_counts(path: Path) -> None:
    service = LocalKeyring(path)
    blob = service.wrap(SECRET, CONTEXT)
    for at in range(len(blob)):
        spoiled = bytearray(blob)
        spoiled[at] ^= 1
        with pytest.raises(Unreadable):
            service.unwrap(bytes(spoiled), CONTEXT)


def test_a_cut_or_longer_wrap_is_unreadable(path: Path) -> None:
    service = LocalKeyring(path)
    blob = service.wrap(SECRET, CONTEXT)
    for spoiled in [*(blob[:length] for length in range(len(blob))), blob + b"\0"]:
        with pytest.raises(Unreadable):
            service.unwrap(spoiled, CONTEXT)


def test_older_keys_still_open_what_they_wrapped(path: Path) -> None:
    service = LocalKeyring(path)
    before = service.wrap(SECRET, CONTEXT)
    kid = keyring.add_key(path)
    after = service.wrap(SECRET, CONTEXT)
    assert service.unwrap(before, CONTEXT) == service.unwrap(after, CONTEXT) == SECRET
    assert kid.encode() in after
    assert kid.encode() not in before


def test_a_wrap_of_another_keyring_is_unreadable(path: Path, tmp_path: Path) -> None:
    keyring.create_keyring(tmp_path / "other.json")
    blob = LocalKeyring(tmp_path / "other.json").wrap(SECRET, CONTEXT)
    with pytest.raises(Unreadable):
        LocalKeyring(path).unwrap(blob, CONTEXT)


def test_a_new_keyring_is_its_owners_alone(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_keyring_is_never_written_over(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        keyring.create_keyring(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o601])
def test_a_keyring_open_to_others_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    service = LocalKeyring(path)
    with pytest.raises(KmsUnavailable):
        service.wrap(SECRET, CONTEXT)
    assert not service.healthy()
    assert "others" in str(service.why_unusable())


def test_a_keyring_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    assert "another user" in str(LocalKeyring(path).why_unusable())


def test_a_link_to_a_keyring_is_refused(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(path)
    assert not LocalKeyring(link).healthy()


def test_a_missing_keyring_is_unavailable_not_lost(tmp_path: Path) -> None:
    service = LocalKeyring(tmp_path / "none.json")
    assert not service.healthy()
    with pytest.raises(KmsUnavailable) as refusal:
        service.unwrap(b"cw-kek\x01\x01a" + bytes(60), CONTEXT)
    assert refusal.value.status == 503
    assert str(tmp_path) not in refusal.value.message


def _document(key: str = base64.b64encode(bytes(32)).decode(), **changes: object) -> bytes:
    return json.dumps({"v": 1, "primary": "k1", "keys": {"k1": {"key": key, "created": "2026"}}} | changes).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b"\xff\xfe",
        _document(key="!!"),
        _document(key=base64.b64encode(bytes(31)).decode()),
        _document(primary="k2"),
        _document(v=2),
        _document(keys=[]),
        _document(keys={"k1": "text"}),
        _document(keys={"": {"key": base64.b64encode(bytes(32)).decode()}}, primary=""),
    ],
)
def test_a_file_that_is_no_keyring_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert LocalKeyring(path).why_unusable() == "the keyring file is not a keyring"


def test_the_documented_form_is_read(path: Path) -> None:
    path.write_bytes(_document())
    assert LocalKeyring(path).healthy()


@given(data=st.binary(max_size=120))
@settings(max_examples=50, deadline=None)
def test_hostile_wraps_raise_only_our_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("ring") / "keyring.json"
    keyring.create_keyring(path)
    with pytest.raises(Unreadable):
        LocalKeyring(path).unwrap(data, CONTEXT)


def test_a_rotation_that_fails_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        keyring.add_key(path)
    assert path.read_bytes() == before

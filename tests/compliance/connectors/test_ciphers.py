"""Recordings that Twilio encrypted for us: opened, and every single changed part refused."""

import base64
import dataclasses
import os
import tracemalloc
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compliance.connectors.ciphers import CipherError, decrypted
from compliance.connectors.facts import RecordingCipher

KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
SOUND = b"RIFF\x00\x00\x00\x00WAVE" + bytes(range(256)) * 40


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)


PEM = pem(KEY)


def encrypted(sound: bytes, *, iv: bytes = bytes(12), content_key: bytes = bytes(32)) -> tuple[bytes, RecordingCipher]:
    """As Twilio documents it: a random key per recording, AES-256-GCM, the key under RSAES-OAEP with SHA-256."""
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    wrapped = KEY.public_key().encrypt(content_key, oaep)
    cipher = RecordingCipher("CR0", base64.b64encode(wrapped).decode(), base64.b64encode(iv).decode())
    return AESGCM(content_key).encrypt(iv, sound, None), cipher


FILE, CIPHER = encrypted(SOUND)


def in_chunks(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def refusal(file: bytes, cipher: RecordingCipher, private_key: bytes = PEM) -> tuple[str, bytes]:
    came_out = b""
    try:
        for chunk in decrypted(in_chunks(file, 1_000), cipher, private_key):
            came_out += chunk
    except CipherError as error:
        return error.code, came_out
    raise AssertionError("it opened")


@pytest.mark.parametrize("size", [1, 15, 16, 17, 1_000, len(FILE)])
def test_a_recording_opens_however_it_is_cut(size: int) -> None:
    assert b"".join(decrypted(in_chunks(FILE, size), CIPHER, PEM)) == SOUND


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(sound=st.binary(max_size=2_000), iv=st.binary(min_size=12, max_size=16), cuts=st.lists(st.integers(0, 40)))
def test_any_sound_comes_back(sound: bytes, iv: bytes, cuts: list[int]) -> None:
    file, cipher = encrypted(sound, iv=iv)
    chunks, rest = [], file
    for cut in cuts:
        chunks.append(rest[:cut])
        rest = rest[cut:]
    assert b"".join(decrypted([*chunks, rest], cipher, PEM)) == sound


@pytest.mark.parametrize("place", [0, 500, len(SOUND) - 1, len(SOUND), len(FILE) - 1])
def test_one_changed_bit_of_sound_or_tag_is_refused_at_the_end(place: int) -> None:
    changed = FILE[:place] + bytes([FILE[place] ^ 1]) + FILE[place + 1 :]
    assert refusal(changed, CIPHER)[0] == "not_authentic"


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (FILE[:-1], "not_authentic"),
        (FILE[:-16], "not_authentic"),
        (FILE + b"\x00", "not_authentic"),
        (FILE[1:], "not_authentic"),
        (FILE[:15], "truncated"),
        (b"", "truncated"),
        (SOUND, "not_authentic"),
    ],
)
def test_a_file_of_another_length_is_refused(file: bytes, code: str) -> None:
    assert refusal(file, CIPHER)[0] == code


def test_another_iv_is_refused() -> None:
    other = dataclasses.replace(CIPHER, iv=base64.b64encode(b"\x01" + bytes(11)).decode())
    assert refusal(FILE, other)[0] == "not_authentic"


def test_another_recordings_key_is_refused() -> None:
    _, other = encrypted(SOUND, content_key=b"\x01" * 32)
    assert refusal(FILE, other)[0] == "not_authentic"


@pytest.mark.parametrize("place", [0, 100, 255])
def test_a_changed_wrapped_key_opens_nothing(place: int) -> None:
    wrapped = bytearray(base64.b64decode(CIPHER.encrypted_key))
    wrapped[place] ^= 1
    assert refusal(FILE, dataclasses.replace(CIPHER, encrypted_key=base64.b64encode(wrapped).decode())) == (
        "wrong_key",
        b"",
    )


def test_another_private_key_opens_nothing() -> None:
    assert refusal(FILE, CIPHER, pem(OTHER_KEY)) == ("wrong_key", b"")


def test_a_wrapped_key_of_another_length_is_refused() -> None:
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    short = base64.b64encode(KEY.public_key().encrypt(bytes(16), oaep)).decode()
    assert refusal(FILE, dataclasses.replace(CIPHER, encrypted_key=short)) == ("bad_cipher", b"")


def test_padding_by_sha1_is_not_taken_for_sha256() -> None:
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
    wrapped = base64.b64encode(KEY.public_key().encrypt(bytes(32), oaep)).decode()
    assert refusal(FILE, dataclasses.replace(CIPHER, encrypted_key=wrapped))[0] == "wrong_key"


@pytest.mark.parametrize(
    "changes",
    [{"iv": ""}, {"iv": "AAAA"}, {"iv": "not base64!"}, {"iv": "é"}, {"encrypted_key": "*"}, {"iv": "A" * 100}],
)
def test_what_is_no_cipher_is_refused(changes: dict[str, str]) -> None:
    assert refusal(FILE, dataclasses.replace(CIPHER, **changes)) == ("bad_cipher", b"")


@pytest.mark.parametrize(
    "private_key",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        pem(KEY, b"a password"),
        pem(ec.generate_private_key(ec.SECP256R1())),
        pem(rsa.generate_private_key(public_exponent=65_537, key_size=1_024)),
        KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    ],
)
def test_what_is_no_private_key_of_ours_is_refused(private_key: bytes) -> None:
    assert refusal(FILE, CIPHER, private_key) == ("bad_private_key", b"")


def test_a_wrong_key_is_found_before_the_first_byte_is_asked_for() -> None:
    asked: list[int] = []

    def untouched() -> Iterator[bytes]:
        asked.append(1)
        yield FILE

    with pytest.raises(CipherError):
        decrypted(untouched(), CIPHER, pem(OTHER_KEY))
    assert not asked


def test_memory_stays_flat() -> None:
    chunk = os.urandom(65_536)
    file, cipher = encrypted(chunk * 64)  # 4 MiB
    opened = decrypted(in_chunks(file, 65_536), cipher, PEM)
    next(opened)
    tracemalloc.start()
    length = sum(len(part) for part in opened)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert length == 63 * 65_536 + 16  # the first chunk left its last 16 bytes behind
    assert peak < 600_000


def test_errors_and_facts_tell_no_secret() -> None:
    assert CIPHER.encrypted_key not in repr(CIPHER)
    with pytest.raises(CipherError) as error:
        decrypted([FILE], CIPHER, b"secret")
    assert str(error.value) == "bad_private_key"

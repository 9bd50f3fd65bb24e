"""Signed notes and checkpoints: the examples of the specifications, and everything that must not be believed."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from audit.tlog import checkpoint, text
from audit.tlog.checkpoint import Checkpoint, Signer, VerifierKey
from audit.tlog.errors import FormatError, ProofError
from tests.audit.tlog.vectors import COSIGNER, ORIGIN, ROOT_ORIGIN, ROOT_SIGNER, SIGNER, entries_of, signed_head

# c2sp.org/signed-note, Example
SPEC_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# golang.org/x/mod/sumdb/note, package documentation
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
HEAD = Checkpoint(ORIGIN, 5, b"\x07" * 32)
OTHER = Signer(ORIGIN, ed25519.Ed25519PrivateKey.from_private_bytes(b"\x09" * 32))


@pytest.mark.parametrize(("vkey", "note"), [(SPEC_KEY, SPEC_NOTE), (GO_KEY, GO_NOTE)])
def test_notes_of_others_verify(vkey: str, note: str) -> None:
    key = VerifierKey.parse(vkey)

    assert key.vkey == vkey
    assert [signature.key for signature in checkpoint.verify_note(checkpoint.parse_note(note), [key])] == [key]


def test_our_notes_verify_and_a_changed_word_does_not() -> None:
    note = SIGNER.sign_note(HEAD.text())

    assert checkpoint.open_checkpoint(note, [SIGNER.key]).checkpoint == HEAD
    with pytest.raises(ProofError):
        checkpoint.open_checkpoint(note.replace("\n5\n", "\n6\n"), [SIGNER.key])


def test_unknown_lines_are_passed_over_and_several_keys_may_sign() -> None:
    body = HEAD.text()
    note = SIGNER.sign_note(body) + OTHER.signature_line(body) + "— somebody.example/else AAAAAAAAAAA=\n"

    assert len(checkpoint.open_checkpoint(note, [SIGNER.key]).verified) == 1
    assert len(checkpoint.open_checkpoint(note, [SIGNER.key, OTHER.key]).verified) == 2


def test_a_bad_line_of_a_known_key_spoils_the_note() -> None:
    note = SIGNER.sign_note(HEAD.text()) + OTHER.signature_line(HEAD.text() + "x\n")

    assert len(checkpoint.open_checkpoint(note, [SIGNER.key]).verified) == 1
    with pytest.raises(ProofError, match="does not verify"):
        checkpoint.open_checkpoint(note, [SIGNER.key, OTHER.key])


def test_without_a_known_key_nothing_is_believed() -> None:
    note = SIGNER.sign_note(HEAD.text())
    same_name = Signer(ORIGIN, ed25519.Ed25519PrivateKey.generate())
    for keys in ([], [same_name.key], [VerifierKey(ORIGIN + "x", 1, SIGNER.key.public)]):
        with pytest.raises(ProofError, match="no signature"):
            checkpoint.open_checkpoint(note, keys)


def test_a_log_speaks_for_itself_only() -> None:
    foreign = ROOT_SIGNER.sign_note(HEAD.text())

    with pytest.raises(ProofError, match="not signed by a key of that name"):
        checkpoint.open_checkpoint(foreign, [ROOT_SIGNER.key, SIGNER.key])


def test_ml_dsa_cosigns_head_name_and_time() -> None:
    head = Checkpoint(ROOT_ORIGIN, 2, b"\x01" * 32)
    line = COSIGNER.signature_line(head, time=1_795_000_000)
    note = ROOT_SIGNER.sign_note(head.text()) + line

    key = VerifierKey.parse(COSIGNER.vkey)
    assert checkpoint.open_checkpoint(note, [ROOT_SIGNER.key, key]).time == 1_795_000_000
    assert checkpoint.open_checkpoint(note, [ROOT_SIGNER.key]).time is None
    larger = Checkpoint(ROOT_ORIGIN, 3, b"\x01" * 32)
    with pytest.raises(ProofError, match="ML-DSA"):
        checkpoint.open_checkpoint(ROOT_SIGNER.sign_note(larger.text()) + line, [ROOT_SIGNER.key, key])


@pytest.mark.parametrize("place", [4, 11, 12, 100, -1])
def test_ml_dsa_refuses_every_changed_byte(place: int) -> None:
    head = Checkpoint(ROOT_ORIGIN, 2, b"\x01" * 32)
    *start, encoded = COSIGNER.signature_line(head, time=1_795_000_000).split(" ")
    data = bytearray(text.from_base64(encoded.strip()))
    data[place] ^= 1
    line = " ".join([*start, text.to_base64(bytes(data))]) + "\n"

    with pytest.raises(ProofError):
        checkpoint.open_checkpoint(ROOT_SIGNER.sign_note(head.text()) + line, [ROOT_SIGNER.key, COSIGNER.key])


def test_the_ml_dsa_message_is_laid_out_as_specified() -> None:
    from audit.tlog import cosignature

    message = cosignature.message("w.example/1", 0x01020304, "log.example", 7, b"\xaa" * 32)
    assert message == (
        b"subtree/v1\n\0"
        b"\x0bw.example/1"
        + bytes.fromhex("0000000001020304")
        + b"\x0blog.example"
        + bytes(8)
        + bytes.fromhex("0000000000000007")
        + b"\xaa" * 32
    )


def test_the_text_is_split_at_the_last_blank_line() -> None:
    note = SIGNER.sign_note("one\n\ntwo\n\n\nthree\n")

    assert checkpoint.parse_note(note).text == "one\n\ntwo\n\n\nthree\n"


LINE = SIGNER.signature_line("text\n")


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "text\n",
        "text\n\n",
        "text\n\n" + LINE[:-1],
        "text\n" + LINE,
        "text\r\n\n" + LINE,
        "te\txt\n\n" + LINE,
        "text\n\n" + LINE.replace("— ", "- "),
        "text\n\n" + LINE + "\n",
        "text\n\n— a\n",
        "text\n\n—  AAAAAAAAAAA=\n",
        "text\n\n— a+b AAAAAAAAAAA=\n",
        "text\n\n— a\u2003b AAAAAAAAAAA=\n",
        "text\n\n— a AAAA\n",
        "text\n\n— a AAAAAAA\n",
        "text\n\n— a AAAAAAAAAAA= x\n",
        "text\n\n" + LINE * 65,
        "x" * checkpoint.MAX_NOTE + "\n\n" + LINE,
        "\ud800\n\n" + LINE,
    ],
)
def test_malformed_notes_are_refused(note: str) -> None:
    with pytest.raises(FormatError):
        checkpoint.parse_note(note)


def test_sixteen_signatures_and_more_are_read() -> None:
    assert len(checkpoint.parse_note("text\n\n" + LINE * 64).signatures) == 64


@pytest.mark.parametrize("data", [b"\xff\n\n", b"te\x00xt\n\n" + LINE.encode()])
def test_bytes_that_are_no_text_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        checkpoint.parse_note(data)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "o\n",
        "o\n1\n",
        "o\n01\n" + "A" * 43 + "=\n",
        "o\n-1\n" + "A" * 43 + "=\n",
        "o\n1\nAAAA\n",
        "\n1\n" + "A" * 43 + "=\n",
        "o\n1\n" + "A" * 43 + "=",
        "o\n1\n" + "A" * 43 + "=\n\nx\n",
    ],
)
def test_malformed_checkpoints_are_refused(body: str) -> None:
    with pytest.raises(FormatError):
        Checkpoint.parse(body)


def test_extension_lines_are_allowed() -> None:
    assert Checkpoint.parse(HEAD.text() + "more\n") == HEAD


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "a",
        "a+b",
        SPEC_KEY[:-1],
        SPEC_KEY.replace("530d", "530e"),
        SPEC_KEY.replace("530d", "530D"),
        " " + SPEC_KEY,
        "a+00000000+AA==",
        SPEC_KEY.replace("AekyeR", "AukyeR"),
        SPEC_KEY + "\n",
    ],
)
def test_malformed_keys_are_refused(vkey: str) -> None:
    with pytest.raises(FormatError):
        VerifierKey.parse(vkey)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\x07b"])
def test_names_that_cannot_be_read_back_are_refused(name: str) -> None:
    with pytest.raises(FormatError):
        Signer(name, ed25519.Ed25519PrivateKey.generate())


def test_the_head_of_the_example_log() -> None:
    assert checkpoint.open_checkpoint(signed_head(entries_of(3)), [SIGNER.key]).checkpoint.size == 3

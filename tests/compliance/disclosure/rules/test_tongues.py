"""Which packs read a text: those of its own languages, and English."""

from __future__ import annotations

import pytest

from compliance.disclosure.rules import packs, surface, tongues


def _reading(text: str, own: str) -> list[str]:
    return [pack.language for pack in surface.fold(text, own).packs]


def test_an_english_prompt_is_read_in_english_only() -> None:
    assert _reading("You answer the phone for a bakery. Take the order and the name, then thank them.", "en") == ["en"]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", "Guten Tag, wie kann ich Ihnen helfen? Das Gespräch wird aufgezeichnet."),
        ("es", "Hola, buenos días, ¿en qué le puedo ayudar con su pedido?"),
        ("ja", "お電話ありがとうございます。通話は録音されます。"),
        ("zh", "您好,通话将被录音。"),
        ("ko", "안녕하세요, 통화는 녹음됩니다."),
        ("hi", "नमस्ते, यह कॉल रिकॉर्ड की जा रही है।"),
        ("ar", "مرحبا، سيتم تسجيل المكالمة."),
    ],
)
def test_speech_in_another_language_calls_its_pack(language: str, said: str) -> None:
    if not packs.has_pack(language):
        pytest.skip("no pack yet")
    assert language in _reading(f'Greet with "{said}" and then ask what they need.', "en")


def test_a_sentence_is_read_by_the_packs_of_its_own_languages() -> None:
    if not packs.has_pack("es"):
        pytest.skip("no pack yet")
    among = (packs.pack("es"), packs.pack("en"))
    assert [pack.language for pack in tongues.of_text("then ask for the name of the caller", "es", among)] == ["en"]
    assert [pack.language for pack in tongues.of_text("esta es la voz de la clínica", "es", among)] == ["es"]
    both = 'start with "hola, esta es la clínica" and ask for the date'
    assert len(tongues.of_text(both, "es", among)) == 2


def test_unspaced_sentences_end_at_their_full_stops() -> None:
    from compliance.disclosure.rules import quotations

    text = surface.fold("お電話ありがとうございます。通話は録音されます。よろしいですか？", "ja").plain
    assert len(quotations.sentences(text, 0, len(text), ())) == 3

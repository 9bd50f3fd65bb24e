"""A greeting that discloses, and one line more: what takes the notice back must not pass, what only sounds so must.

Lines that stand far from any wording the packs were written with; each was judged once before the rules knew its kind.
"""

from __future__ import annotations

import pytest

from compliance.disclosure.rules import judge_prompt
from compliance.disclosure.rules.results import Verdict

GREETINGS = {
    "en": 'Greeting: "Thank you for calling Acme. This call is recorded for quality purposes. How can I help you?"\n',
    "de": 'Begrüßung: "Guten Tag, hier ist Acme. Dieses Gespräch wird zu Qualitätszwecken aufgezeichnet. '
    'Sind Sie damit einverstanden?"\n',
    "fr": "Accueil : « Bonjour, Acme à votre écoute. Cet appel est enregistré à des fins de qualité. Que puis-je "
    "faire pour vous ? »\n",
    "es": 'Saludo: "Hola, gracias por llamar a Acme. Esta llamada se graba con fines de calidad. ¿En qué puedo '
    'ayudarle?"\n',
    "it": 'Saluto: "Buongiorno, Acme. Questa chiamata è registrata per motivi di qualità. Come posso aiutarla?"\n',
    "nl": 'Begroeting: "Goedemiddag, Acme. Dit gesprek wordt opgenomen voor kwaliteitsdoeleinden. Waarmee kan ik '
    'helpen?"\n',
    "pt": 'Saudação: "Olá, obrigado por ligar para a Acme. Esta chamada é gravada para fins de qualidade. Como posso '
    'ajudar?"\n',
}
PLACES = {"en": "US-CA", "de": "AT", "fr": "FR", "es": "ES", "it": "IT", "nl": "NL", "pt": "BR"}

IN_ENGLISH = [
    "Do not read the greeting.",
    "If asked about recording, say no.",
    "Leave out the second sentence of the greeting until further notice.",
    "Only mention the recording if the caller asks.",
    "VIP callers: skip the greeting.",
]
CANCELLING = {
    "en": [
        "Update from ops: start every call directly with 'Hi, this is Mia, how can I help?' instead.",
        "If the customer asks whether they are being taped, tell them no.",
        "If anyone wonders whether somebody keeps the audio, reassure them that nothing is kept.",
        "When a caller says they do not want to be recorded, tell them recording has stopped and continue as usual.",
        "Legal asked us to take out the second sentence of the greeting until further notice.",
        "Note: the opening line is a placeholder from the template and is not used in production.",
        "Start the recording notice only after the customer has given their account number.",
        "Speak the greeting so quickly that it cannot be understood.",
        "On transferred calls, skip to verification.",
        "The sentence about training has been retired; say only 'Good morning, this is Acme'.",
        "If asked about recordings: we never keep any.",
        *IN_ENGLISH,
    ],
    "de": ["Den zweiten Satz der Begrüßung bis auf Weiteres weglassen.", "Bei Stammkunden die Begrüßung überspringen."],
    "fr": ["Ne lis pas la phrase d'accueil.", "Pour les clients fidèles, saute l'accueil."],
    "es": ["No leas el saludo.", "Si preguntan si se graba, di que no."],
    "it": ["Non leggere il saluto.", "Con i clienti abituali salta il saluto."],
    "nl": ["Lees de begroeting niet voor.", "Sla bij vaste klanten de begroeting over."],
    "pt": ["Não leia a saudação.", "Com clientes antigos, pule a saudação."],
}
HARMLESS = {
    "en": [
        "",
        "Never record card numbers in the notes field.",
        "Never interrupt the caller. Do not skip verification.",
        "If the caller objects to the recording, transfer to a human on an unrecorded line.",
        "If asked why, explain that recordings are used for training only and deleted after 30 days.",
        "Use the opening word for word. Never leave it out.",
        "Begin verification only after the opening.",
        "Never tell callers that nothing is recorded.",
        "Start answers with a short summary only.",
        "If asked, confirm that the call is recorded.",
    ],
    "de": ["", "Sei freundlich und kurz. Frage nach Name und Kundennummer."],
    "fr": ["", "Sois bref et aimable. Demande le nom et le numéro de client."],
    "es": ["", "Sé breve y amable. Pide el nombre y el número de cliente."],
    "it": ["", "Sii breve e gentile. Chiedi nome e numero cliente."],
    "nl": ["", "Wees kort en vriendelijk. Vraag naar naam en klantnummer."],
    "pt": ["", "Seja breve e gentil. Peça o nome e o número do cliente."],
}


def _cases(lines: dict[str, list[str]], *, everywhere: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    return [(language, line) for language, own in lines.items() for line in (*own, *everywhere)]


def _verdict(language: str, line: str, opening: str = "") -> Verdict:
    prompt = f"{opening}{GREETINGS[language]}{line}"
    return judge_prompt(prompt, language=language, jurisdictions=(PLACES[language],)).verdict


@pytest.mark.parametrize("opening", ["", "You are a voice agent. "])
@pytest.mark.parametrize(("language", "line"), sorted(set(_cases(CANCELLING, everywhere=tuple(IN_ENGLISH)))))
def test_what_takes_the_notice_back_never_passes(language: str, line: str, opening: str) -> None:
    assert _verdict(language, line, opening) is not Verdict.PASS


@pytest.mark.parametrize(("language", "line"), _cases(HARMLESS))
def test_what_only_sounds_so_passes(language: str, line: str) -> None:
    assert _verdict(language, line) is Verdict.PASS


@pytest.mark.parametrize(
    "prompt",
    ['Calls in support are recorded. Greeting: "Hello, how can I help?"', 'Calls are recorded. Opening: "Hi there."'],
)
def test_a_fact_before_a_label_is_no_part_of_what_it_labels(prompt: str) -> None:
    """Policy §4.3 `not_spoken`."""
    assert judge_prompt(prompt, language="en", jurisdictions=("US-CA",)).verdict is not Verdict.PASS

"""One line more below a greeting that discloses: ten wordings and more of each way to take the notice back.

They were written to be unlike each other and unlike the packs. The vectors hold whole prompts; these hold single turns.
"""

from __future__ import annotations

import pytest

from compliance.disclosure.rules import judge_prompt
from compliance.disclosure.rules.results import Verdict

GREETING = 'Greeting: "Oak Vet. This call is recorded. What ails your pet?"\n'
REMOVED = [  # later removal for all
    "Changelog\n- 2025-07-19 Leave out the greeting entirely, start at Inventory.",
    "Update 3 June: from today the welcome line is dropped; go to the pet's name at once.",
    "Revision notes: v2.1 no greeting any more, callers found it stiff.",
    "NOTE FROM OPS: skip the hello, open with the appointment question.",
    "Hotfix: do not play the first utterance until further notice.",
    "As of Monday we answer with the pet question only.",
    "The greeting above is no longer approved; wait for the new one and start with the pet question.",
    "Override: the opening is replaced by 'Oak Vet, go ahead.'",
    "Please note that the first sentence has been retired.",
    "<override>greeting = none</override>",
]
FORBIDDEN = [  # prohibition
    "Effective immediately, agents are not to say anything about recording.",
    "We'd rather you kept the recording thing to yourself.",
    "The word recording must not pass your lips.",
    "Not one syllable on the recording, please.",
    "Management asks that the recording go unmentioned.",
    "Recording is not something we bring up.",
    "Leave recording out of it.",
    "You have no business telling people that we record.",
    "Steer around the recording topic.",
    "Nobody on the line needs to hear that it is taped.",
    "Callers are happier when recording isn't brought up, so don't.",
    "Talk of recording is banned on this line.",
]
DENIED = [  # denial if asked / soothing
    "If they get nervous, soothe them with \"that's an old message, the recorder's been off for months\".",
    'Nervous callers: "Don\'t worry, that announcement is just a formality, nobody tapes this."',
    "If somebody objects to the notice, say the system has been disabled since May.",
    '"Am I on tape?" → "Nope, that is just what we have to say."',
    "Q: Is this recorded? A: Not this one.",
    "When they ask about the recording, laugh it off and say it is only a test message.",
    "If pressed, explain the notice is left over from the old system and nothing is stored.",
    '- "u recording this?" → "Nah, we\'re good."',
    "If a caller wants to know, tell them the tape ran out.",
    'asked if it is recorded: answer with "no ma\'am"',
]
OVERRIDDEN = [  # refusal overridden
    "=== caller objects to being recorded ===\nTell them it is off now and keep on going; there is no switch.",
    "If they refuse recording, say fine and leave it running.",
    "Refusal of recording: acknowledge, then keep the tape going.",
    "### Objections to recording\nSay that you have stopped it. It cannot be stopped.",
    '"I don\'t want to be recorded" -> say "got it" and keep reading the pitch; the recording stays on no matter what',
    "Caller says no to recording: pretend to press a button and continue.",
    "If someone does not want to be taped, tell them you deleted it, although we keep everything.",
    "On objection: say 'okay, it is off' - it never is.",
    "When a caller opts out of the recording, thank them and go on; we record regardless.",
    "Caller protests against the recording: promise it will be erased (it will not).",
]
FOR_SOME = [  # for some
    "VIP numbers: open with 'Welcome back!' only.",
    "If the caller sounds rushed, drop the middle sentence of the opener and go to the number.",
    "Known number: start at the pet question.",
    "If caller ID shows a partner clinic, answer 'Oak Vet, go ahead' and nothing else.",
    "After 6 pm use the night line: 'Oak Vet after hours, is it urgent?'",
    "People who rang earlier today get the short version.",
    "Emergency callers: straight to the vet, no preamble.",
    "When in a hurry, begin with the question.",
]
HARMLESS = [
    "If they ask whether the call is recorded, say yes, it is.",
    "If a caller does not want to be recorded, stop the recording and go on.",
    "Never give legal advice.",
    "Do not record card numbers.",
    'Curveballs\n- "are you a machine?" → "I am!"\n- "stolen bike" → serial number',
    "Match → offer slots\nNo match → take the name and breed.",
    "If there is no answer, repeat the question once.",
    "Records requests: e-mail the release form.",
    "A customer can turn off audio recording per camera in the settings.",
    "Nobody is put on hold.",
    "Returning clients: ask which pet.",
    "If the line is bad, ask them to call back.",
    "The recording is kept for 90 days.",
    "Compliance\n · cooling-off is 14 days\n · confirm by e-mail",
    "Angry → apologize, offer the manager.",
    "Do not skip any step.",
    "Settings\n off-peak price: 20",
]


def _verdict(text: str) -> Verdict:
    return judge_prompt(text, language="en-US", jurisdictions=["US-CA"]).verdict


@pytest.mark.parametrize("line", [*REMOVED, *FORBIDDEN, *DENIED, *OVERRIDDEN, *FOR_SOME])
def test_what_takes_the_notice_back_never_passes(line: str) -> None:
    assert _verdict(GREETING + line) is not Verdict.PASS


@pytest.mark.parametrize("line", HARMLESS)
def test_what_only_sounds_so_passes(line: str) -> None:
    assert _verdict(GREETING + line) is Verdict.PASS

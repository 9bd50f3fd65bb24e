"""Whole prompts of one line: what looks like a notice and is none, and notices in many shapes."""

from __future__ import annotations

import pytest

from compliance.disclosure.rules import judge_prompt
from compliance.disclosure.rules.results import Verdict

NO_NOTICE = [  # no disclosure at all
    'Greeting: "Hi, this is a recorded message from Oak Vet. Press one to talk."',
    'Greeting: "Welcome to Studio Nine, we record bands and voices. What are you recording?"',
    'Greeting: "Your last order was recorded. What can I do for you?"',
    'Greeting: "We recorded your address last time, is it still right?"',
    'Greeting: "Oak Vet. Your pet\'s weight will be recorded. What is it?"',
    'Greeting: "Hello, I have recorded your request from the web form. May I ask a few questions?"',
    'Greeting: "Thanks for calling the Hall of Records, deeds are recorded on floor two."',
    'Greeting: "You may record this call if you like. How can I help?"',
    'Greeting: "Hi! Sorry, I sound like a recording. How can I help?"',
    'Greeting: "The webinar was recorded and is online. Anything else?"',
    'Greeting: "Hi, we keep our calls short. What is it about?"',
    'Greeting: "Oak Camera. All our doorbells record audio. Which model?"',
    'Greeting: "Oak Vet, all conversations are confidential. How may I help?"',
    'Greeting: "We store everything you need: boxes, tape and locks. How can I help?"',
    'Greeting: "Tape or boxes? We are Oak Storage, we keep it all."',
    "Say hello. Record the call reason in the CRM.",
    "Open the call, say hello, and capture the conversation topic.",
    "Greet. The call is logged in Salesforce.",
]
TOO_LATE = [  # late / order / condition
    "Ask for the name and date of birth first. Then tell the caller that the call is recorded.",
    "First take their full name, and then say that the call is recorded.",
    "1. Get name and phone.\n2. Tell them the call is recorded.\n3. Book.",
    'At the end say: "This call was recorded."',
    "Once you have the account number, mention that the line is recorded.",
    'Greeting: "Oak Vet, your name and number please?"\nSecond line: "Thanks. By the way we record calls."',
    "If the caller sounds unhappy, let them know the call is recorded.",
    "Complaints: tell the caller this call is recorded. Bookings: offer two slots.",
    'Angry -> say "this call is recorded"\nCalm -> offer a slot',
    "On billing calls, begin by saying the call is recorded.",
    "Tell callers from California that the call is recorded at the start.",
    "Greet callers. You could mention that calls are recorded.",
    "Try to work in that the line is taped if it comes up.",
    "Feel free to say the call is recorded.",
    'Say "this call is recorded" whenever someone gets rude.',
]
UNSPOKEN = [  # not spoken
    'Calls are recorded and kept for 30 days. Greeting: "Oak Vet. What ails your pet?"',
    'Greeting: "Oak Vet." <!-- This call is recorded. -->',
    '# greeting = "This call is recorded"\nGreeting: "Oak Vet, hi."',
    'Our web footer says: this call is recorded. Greeting: "Oak Vet, hi."',
    'The confirmation e-mail tells them that calls are recorded. Greeting: "Oak Vet, hi."',
    'DO: be kind.\nDON\'T: "This call is recorded, deal with it."\nGreeting: "Oak Vet, hi."',
    '| do | don\'t |\n|---|---|\n| "Oak Vet, hi!" | "This call is recorded." |',
    'Bad example: "This call is recorded." Good example: "Oak Vet, hi, what is up?"',
    '~~Greeting: "This call is recorded."~~\nGreeting: "Oak Vet, hi."',
    'Old greeting: "This call is recorded." New greeting: "Oak Vet, hi."',
    "Sample:\n> Agent: This call is recorded.\n> Caller: OK.",
    'Ticket 12: add "This call is recorded" to greeting (open). Greeting: "Oak Vet, hi."',
    'Tool play_notice: plays "This call is recorded". Never use it.\nGreeting: "Oak Vet, hi."',
]
NOTICES = [
    'Greeting: "Oak Vet, this call is recorded. What ails your pet?"',
    "> Oak Vet. This call is being recorded. What ails your pet?",
    '"Hello, Oak Vet, just so you know we tape our calls. What can I do?"',
    "first_message: Oak Vet here, all calls are recorded. Who is the patient?",
    "When the call connects, tell the caller that the call is recorded, then ask what they need.",
    '{"firstMessage":"Oak Vet, this line is recorded. What is up?","model":"x"}',
    'Opening\nSay this, word for word:\n"Oak Vet. We record our phone calls. What ails your pet?"',
    "Always open by letting folks know you are recording the conversation.",
    'STEP 1: "Oak Vet. You are on a recorded line."\nSTEP 2: ask for the name.',
    'IVR: "Thanks for calling Oak Vet. Calls may be monitored or recorded. Press 1 for vets."',
    '| Turn | Line |\n|---|---|\n| 1 | "Oak Vet. This call is recorded." |\n| 2 | "Who is the patient?" |',
    "<greeting>Oak Vet, this conversation is recorded for training. Hi!</greeting>",
    "Start every conversation by disclosing that it is recorded. Then ask for the name.",
    "You are Bo. Before you ask anything, make the caller aware that audio of the call is stored.",
    'greeting = "Hi, Oak Vet. Heads up: we\'re recording. What can I do for you?"',
    'Call opening: "Oak Vet, Bo speaking. For training, our chat gets recorded. What\'s up?"',
    'Pick up with "Oak Vet, calls are taped." Then ask which pet.',
    "hi its oak vet, calls r recorded here, whats wrong with ur pet",
    "GREETING: THIS CALL IS RECORDED. HOW CAN WE HELP?",
    'Begin: "Good day. Please be aware that this telephone conversation will be recorded." Continue with the reason.',
    "On answer: greet, say the call is recorded, ask for the reason.",
    "Rule 1: the first thing you say is that calls are recorded.",
    'Say "Oak Vet, this call is recorded" and wait.',
    'Inbound: answer with "Oak Vet, recorded line, how can I help?"',
    'Outbound: "Hi, it is Bo from Oak Vet on a recorded line. Do you have a minute?"',
    "Your very first sentence must contain the information that the call is being recorded.",
]


def _verdict(text: str) -> Verdict:
    return judge_prompt(text, language="en-US", jurisdictions=["US-CA"]).verdict


@pytest.mark.parametrize("text", [*NO_NOTICE, *TOO_LATE, *UNSPOKEN])
def test_what_is_no_notice_never_passes(text: str) -> None:
    assert _verdict(text) is not Verdict.PASS


@pytest.mark.parametrize("text", NOTICES)
def test_notices_in_many_shapes_pass(text: str) -> None:
    assert _verdict(text) is Verdict.PASS

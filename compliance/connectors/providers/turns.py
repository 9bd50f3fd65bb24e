"""Turns out of a transcript that a platform gives as plain text, one speaker a line. Pure."""

import re

from compliance.connectors.facts import Message

# A speaker's label as Vapi ("AI: ", "User: ") and Retell ("Agent: ", "Transfer Target: ") write it.
_LABEL = re.compile(r"(ai|bot|assistant|agent|user|customer|system|transfer[ _]target): ?(.*)", re.IGNORECASE)


def turns_of(text: str) -> tuple[Message, ...]:
    """The turns, in the text's order and without times. A line without a label goes on with the turn before it."""
    turns: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        labelled = _LABEL.fullmatch(line.strip())
        if labelled is not None:
            turns.append((labelled.group(1).lower().replace(" ", "_"), [labelled.group(2)]))
        elif turns:
            turns[-1][1].append(line.strip())
        elif line.strip():
            turns.append(("unknown", [line.strip()]))
    return tuple(Message(role, "\n".join(lines).strip()) for role, lines in turns)

"""The whole way of an answer (sealed, indexed, found, opened, looked at) against the engine's and the rule's."""

from __future__ import annotations

import itertools
import random
import unicodedata

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.compliance.calls import Line
from tests.compliance.recordings import talks
from tests.compliance.recordings.talks import say
from tests.compliance.recordings.test_wording import LETTERS, lines

SAMPLE = 60
WORDS_A_MESSAGE = 5


def test_a_sample_of_the_pairs_goes_through_postgres(line: Line) -> None:
    """Every word is also looked for in every other message, and found where the rule says so."""
    chance = random.Random(14)
    # A platform's message with control characters is quarantined at the door.
    sayable = [one for one in lines() if not any(unicodedata.category(c) == "Cc" for c in one["content"])]
    sample = chance.sample(sayable, SAMPLE)
    ids = [
        say(line, f"call_{number}", one["content"], hours=number, is_indexed=False) for number, one in enumerate(sample)
    ]
    talks.index()
    pairs = 0
    for own, one in zip(ids, sample, strict=True):
        for number in chance.sample(range(len(one["keywords"])), WORDS_A_MESSAGE):
            words, bit = one["keywords"][number], one["found"][number]
            found = set(talks.found(line, words, limit=SAMPLE))
            assert (own in found) is (bit == "1"), (words, one["content"])
            assert found == {
                id_ for id_, other in zip(ids, sample, strict=True) if words.lower() in other["content"].lower()
            }
            pairs += 1
    assert pairs == SAMPLE * WORDS_A_MESSAGE


def test_whatever_is_said_and_looked_for_the_answer_is_the_rules(line: Line) -> None:
    """The same over texts that Hypothesis makes: each example tells three calls more."""
    texts = st.text(st.sampled_from(LETTERS.replace("\0", "")), min_size=1, max_size=12)
    examples = itertools.count()

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(texts, min_size=3, max_size=3), texts, st.data())
    def check(contents: list[str], other: str, data: st.DataObject) -> None:
        start, example = data.draw(st.integers(0, len(contents[0]) - 1)), next(examples)
        part = contents[0][start : data.draw(st.integers(start + 1, len(contents[0])))]
        said = {
            say(line, f"{example}_{n}", one, hours=example, is_indexed=False): one for n, one in enumerate(contents)
        }
        talks.index()
        for words in (part, part.upper(), other):
            found = set(talks.found(line, words, limit=1000)) & said.keys()
            assert found == {id_ for id_, one in said.items() if words.lower() in one.lower()}

    check()

"""The other greetings of a prompt: whether some callers hear words in which nothing is disclosed.

Looked at once for a whole prompt, not once for every candidate: a prompt may hold thousands of greetings.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property

from compliance.disclosure.rules import languages, segments, timing
from compliance.disclosure.rules.candidates import Candidate
from compliance.disclosure.rules.reading import Reading
from compliance.disclosure.rules.segments import Frame


class Greetings:
    """What the agent says first, in all its forms."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._verdicts: dict[str, bool] = {}  # by the words of a greeting

    def some_callers_lack_it(self, candidate: Candidate) -> bool:
        """Whether some callers are greeted with words ("returning customer: …") in which nothing is disclosed."""
        frame = candidate.frame
        if any(other is not frame for other in self._for_some):
            return True
        return any(line != frame.line for line in self._twins.get(frame.label, ()))

    def some_languages_lack_it(self, candidate: Candidate) -> bool:
        """Whether the agent also greets, or serves, in a language in which a verbatim disclosure is not repeated."""
        strange, unheard, telling = (
            any(other is not candidate.frame for other in frames) for frames in self._in_other_languages
        )
        return unheard and not telling if strange else self._serves_others

    def _discloses(self, frame: Frame) -> bool:
        text = self.reading.whole(frame)
        known = self._verdicts.get(text)
        if known is None:
            known = any(pack.rule("clear.frames").search(text) for pack in self.reading.packs)
            self._verdicts[text] = known
        return known

    @cached_property
    def _silent(self) -> tuple[Frame, ...]:
        """Labelled greetings that disclose nothing."""
        return tuple(
            frame
            for frame in self.reading.opening_frames
            if frame.quotes and frame.label and not self._discloses(frame)
        )

    @cached_property
    def _for_some(self) -> tuple[Frame, ...]:
        """The first of those that are for some callers only; two are enough to know of another one."""
        found = (f for f in self._silent if self.reading.has("condition.some", f.label.replace("_", " ")))
        return tuple(frame for frame, _ in zip(found, range(2), strict=False))

    @cached_property
    def _twins(self) -> dict[str, tuple[int, ...]]:
        """By label the first two lines of greetings that disclose nothing."""
        lines: dict[str, tuple[int, ...]] = {}
        for frame in self._silent:
            known = lines.get(frame.label, ())
            if len(known) < 2 and frame.line not in known:
                lines[frame.label] = (*known, frame.line)
        return lines

    @cached_property
    def _in_other_languages(self) -> tuple[list[Frame], list[Frame], list[Frame]]:
        """Greetings in other languages than the call's; those without a word of recording that a hint knows; and those
        of them that disclose by a pack. The first two of each.
        """
        strange = [f for f in self.reading.opening_frames if f.quotes and languages.is_other(self.reading, f)]
        starts = [mention.start for mention in self.reading.mentions if not mention.negated]
        unheard = [f for f in strange if bisect_left(starts, f.start) == bisect_left(starts, f.end)]
        return strange[:2], unheard[:2], [f for f in unheard if self._discloses(f)][:2]

    @cached_property
    def by_case(self) -> Frame | None:
        """A greeting of one case that has another one beside it for the opposite case ("match", "no match"), neither of
        which discloses. It may take the place of the greeting above, unless that one asks who is calling.
        """
        for frame in self.reading.open_to("markers.caller_signal"):
            if self._greets(frame) and timing.has_opposite(self.reading, frame):
                asked = (f for f in self.reading.opening_frames if f.start < frame.start)
                return None if any(self._asks_who(f) for f in asked) else frame
        return None

    def _greets(self, frame: Frame) -> bool:
        if not (frame.quotes and frame.label) or frame.zone in segments.UNSPOKEN or self._discloses(frame):
            return False
        said = self.reading.words[slice(*frame.quotes[0])]
        signal = self.reading.search("markers.caller_signal", said)
        return signal is not None and signal.start() <= 2

    def _asks_who(self, frame: Frame) -> bool:
        text = self.reading.whole(frame)
        return "?" in text and any(self.reading.has(rule, text) for rule in ("timing.ask_data", "timing.identity"))

    @cached_property
    def _serves_others(self) -> bool:
        return any(
            frame.start in self.reading.agent_directed
            and self.reading.has("zones.bilingual", self.reading.outer(frame))
            for frame in self.reading.open_to("zones.bilingual")
        )

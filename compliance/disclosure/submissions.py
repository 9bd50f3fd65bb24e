"""What may be asked of the judge: a text's size, a language tag, place codes. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from compliance.disclosure import rules
from compliance.errors import Invalid

UNKNOWN = "und"
"""BCP 47 for "undetermined": the judge answers `review` at best."""

MAX_PLACES = 50
MAX_SPOKEN = 1_000_000  # characters of a whole call: some eighteen hours of talk
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_PLACE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Context:
    """In which language (BCP 47), and in which places (ISO 3166), a text is spoken."""

    language: str
    jurisdictions: tuple[str, ...]

    @classmethod
    def read(cls, language: str, jurisdictions: Sequence[str]) -> Context:
        """Normal forms of both, or Invalid naming every field at fault."""
        tag = language.strip() or UNKNOWN
        places = tuple(dict.fromkeys(place.strip().upper() for place in jurisdictions))
        errors: dict[str, list[str]] = {}
        if len(tag) > 35 or not _LANGUAGE.fullmatch(tag):
            errors["language"] = ["Not a BCP 47 language tag, such as en-US."]
        if len(places) > MAX_PLACES or not all(map(_PLACE.fullmatch, places)):
            errors["jurisdictions"] = [f"At most {MAX_PLACES} ISO 3166 codes, such as DE or US-CA."]
        if errors:
            raise Invalid("The language or the places cannot be used", errors=errors)
        return cls(tag, places)


@dataclass(frozen=True, slots=True)
class Submission:
    """A prompt as it is judged: exactly as it was written, so that offsets fit."""

    text: str = field(repr=False)
    context: Context

    def __post_init__(self) -> None:
        """Refuse what cannot be judged. Raises Invalid."""
        if not self.text.strip():
            raise Invalid("A prompt needs words", errors={"prompt": ["Empty."]})
        if len(self.text) > rules.MAX_CHARS:
            raise Invalid("The prompt is too long", errors={"prompt": [f"At most {rules.MAX_CHARS} characters."]})
        if not is_encodable(self.text):
            raise Invalid("The prompt is no Unicode text", errors={"prompt": ["Has half a surrogate pair."]})

    @property
    def identity(self) -> str:
        """What makes two submissions the same one, for a keyed digest."""
        places = sorted(self.context.jurisdictions)
        return json.dumps([self.text, self.context.language.lower(), places], ensure_ascii=False)


def check_turns(turns: Sequence[Mapping[str, Any]]) -> None:
    """Refuse turns that are more than any call has. Raises Invalid."""
    if sum(len(turn["content"]) for turn in turns) > MAX_SPOKEN:
        raise Invalid("The call is too long", errors={"transcription": [f"At most {MAX_SPOKEN} characters."]})


def is_encodable(text: str) -> bool:
    """Whether a text can be written as UTF-8: JSON can smuggle in half a surrogate pair."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def only_language(tags: Iterable[str]) -> str:
    """The first of some tags if all are of one language; UNKNOWN otherwise: they do not tell which was spoken."""
    known = list(tags)
    return known[0] if len({tag.split("-")[0].lower() for tag in known}) == 1 else UNKNOWN

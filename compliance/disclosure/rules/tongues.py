"""Which languages a text is in, told by frequent words, by script, and by words for recording.

A sentence is read by the packs of its own languages only: a Spanish `se` is no Italian *if*. English takes part where
it has words, because instructions are in English more often than not.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

from compliance.disclosure.rules import packs
from compliance.disclosure.rules.doors import Memo
from compliance.disclosure.rules.packs import ENGLISH, Pack

TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_RANGES = {
    "greek": "\u0370-\u03ff",
    "cyrillic": "\u0400-\u052f",
    "hebrew": "\u0590-\u05ff",
    "arabic": "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefe",
    "devanagari": "\u0900-\u097f\ua500-\ua57f",
    "kana": "\u3041-\u30ff",
    "han": "\u3400-\u9fff",
    "hangul": "\u1100-\u11ff\uac00-\ud7af",
}
_SCRIPTS = {name: re.compile(f"[{ranges}]") for name, ranges in _RANGES.items()}
OTHER_SCRIPT = re.compile(
    "[\u0370-\u1cff\u2c00-\u2dff\u3041-\u9fff\ua500-\ua57f\uac00-\ud7af\ufb50-\ufdff\ufe70-\ufefe]"
)
_AROUND = " .,;:!?\"'()[]{}<>*_-/|"
_ENOUGH = 3  # different words of a language that are words of no other language read anyway
_MOST = 5  # packs that take part besides the call's own and English


def scripts_in(text: str) -> frozenset[str]:
    """Scripts but Latin that a text has letters of."""
    if text.isascii() or not OTHER_SCRIPT.search(text):
        return frozenset()
    return frozenset(name for name, letter in _SCRIPTS.items() if letter.search(text))


@cache
def _of_word() -> dict[str, tuple[str, ...]]:
    """Frequent words and the languages that they are frequent in."""
    found: dict[str, tuple[str, ...]] = {}
    for head in packs.heads().values():
        for word in head.common:
            found[word] = (*found.get(word, ()), head.language)
    return found


@cache
def _by_script() -> dict[str, str]:
    return {head.script: head.language for head in packs.heads().values() if head.script != "latin"}


def of_scripts(found: frozenset[str], own: str) -> list[str]:
    """Languages with packs for some scripts; characters that Chinese and Japanese share go by the company they keep."""
    if "han" in found and (own == "ja" or ("kana" in found and own != "zh")):
        found = (found - {"han"}) | {"kana"}
    return [language for script, language in _by_script().items() if script in found]


def active(text: str, own: str) -> tuple[tuple[Pack, ...], Memo]:
    """The packs that take part in reading a whole text: the call's own, English, and those of what is in the text.

    With them their memo, which has met the words already.
    """
    chosen = [language for language in dict.fromkeys((own, ENGLISH)) if packs.has_pack(language)]
    memo = packs.new_memo(tuple(map(packs.pack, chosen)))
    known, always = _of_word(), frozenset(chosen)
    counted: Counter[str] = Counter()
    for word in frozenset(text.split()):
        languages = known.get(word.strip(_AROUND))
        if languages is not None and always.isdisjoint(languages):
            counted.update(languages)
    ordered = of_scripts(scripts_in(text), own)
    ordered += packs.signs_in(memo.of_text(text))
    ordered += [language for language, count in counted.most_common() if count >= _ENOUGH]
    others = [language for language in dict.fromkeys(ordered) if language not in chosen]
    if not others:
        return memo.packs, memo
    found = tuple(packs.pack(language) for language in chosen + others[:_MOST])
    return found, packs.new_memo(found)


def of_text(text: str, own: str, among: tuple[Pack, ...]) -> tuple[Pack, ...]:
    """The packs out of `among` that a sentence is read by; all of them where it cannot be told."""
    if len(among) == 1:
        return among
    scripts = scripts_in(text)
    by_script = set(of_scripts(scripts, own)) if scripts else set()
    found = [one for one in among if one.language in by_script]
    known = _of_word()
    left = [known[token] for token in TOKEN.findall(text) if token in known]
    rivals = [one for one in among if one not in found]
    while rivals and left:
        best = max(rivals, key=lambda one: sum(one.language in languages for languages in left))
        hits = sum(best.language in languages for languages in left)
        if hits < (1 if best.language in (own, ENGLISH) and found else 2):
            break
        found.append(best)
        rivals.remove(best)
        left = [languages for languages in left if best.language not in languages]
    if not found:
        return among
    return tuple(one for one in among if one in found)


_SAME = {"nb": "no", "nn": "no", "cmn": "zh"}


def primary(language: str) -> str:
    """Primary subtag of a BCP-47 tag, lower case; both written forms of Norwegian, and Mandarin, under the tag of their
    pack.
    """
    tag = language.replace("_", "-").split("-")[0].strip().lower()
    return _SAME.get(tag, tag)

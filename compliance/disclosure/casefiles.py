"""Reading what the check commands judge: plain prompts, and cases as JSON lines; all of it before any is judged."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*")
_CODE = re.compile(r"[A-Za-z]{2}(?:-[A-Za-z0-9]{1,3})?")
_LINE_FILES = (".jsonl", ".ndjson")
_PROMPT_FILES = (".txt", ".md", ".json", ".yaml", ".yml", ".prompt")
STDIN = "-"


class Unusable(Exception):
    """Input that cannot be judged; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to judge. `line` is its line in a file of cases; a plain prompt is a whole file and has none."""

    source: str
    line: int | None
    id: str | int | None
    language: str
    jurisdictions: tuple[str, ...]
    prompt: str = ""
    turns: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where a case does not say."""

    language: str
    jurisdictions: tuple[str, ...]


def language(value: object, where: str) -> str:
    """A BCP-47 tag. Raises Unusable."""
    if not isinstance(value, str) or not _LANGUAGE.fullmatch(value):
        raise Unusable(f"{where}: language must be a BCP-47 tag such as en-US, not {value!r}")
    return value


def is_code(value: str) -> bool:
    """Whether a word is shaped like a jurisdiction code."""
    return bool(_CODE.fullmatch(value.strip()))


def codes(values: object, where: str) -> tuple[str, ...]:
    """Jurisdiction codes. Raises Unusable: a misspelt place must not be judged by a gentler one."""
    if not isinstance(values, list | tuple):
        raise Unusable(f"{where}: jurisdictions must be a list of codes such as US-CA")
    for value in values:
        if not isinstance(value, str) or not is_code(value):
            raise Unusable(f"{where}: {value!r} is not a jurisdiction code such as DE or US-CA")
    return tuple(value.strip().upper() for value in values)


def _bytes(source: str) -> bytes:
    if source == STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise Unusable(f"{source}: {error.strerror or error}") from error


def _text(raw: bytes, where: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable(f"{where}: not UTF-8 (byte {error.start})") from error


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unusable(f"{where}: not JSON ({error})") from error
    if not isinstance(found, dict):
        raise Unusable(f"{where}: not a JSON object")
    return found


def _lines(source: str) -> list[tuple[int, dict[str, Any]]]:
    name = "stdin" if source == STDIN else source
    found = []
    for number, raw in enumerate(_bytes(source).split(b"\n"), start=1):
        where = f"{name}, line {number}"
        line = _text(raw, where).strip()
        if line:
            found.append((number, _object(line, where)))
    return found


def _case(source: str, line: int | None, raw: dict[str, Any], defaults: Defaults, kind: str) -> Case:
    where = f"{'stdin' if source == STDIN else source}, line {line}" if line else source
    identifier = raw.get("id")
    if isinstance(identifier, bool) or not (identifier is None or isinstance(identifier, str | int)):
        raise Unusable(f"{where}: id must be a string, a number or null")
    spoken = raw.get("language")
    places = raw.get("jurisdictions")
    return Case(
        source,
        line,
        identifier,
        language(spoken, where) if spoken is not None else defaults.language,
        codes(places, where) if places is not None else defaults.jurisdictions,
        prompt=_prompt(raw, where) if kind == "prompt" else "",
        turns=_turns(raw, where) if kind == "transcript" else (),
    )


def _prompt(raw: dict[str, Any], where: str) -> str:
    prompt = raw.get("prompt")
    if not isinstance(prompt, str):
        raise Unusable(f"{where}: prompt must be a string")
    return prompt


def _turns(raw: dict[str, Any], where: str) -> tuple[dict[str, Any], ...]:
    turns = raw.get("transcription")
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise Unusable(f"{where}: transcription must be a list of turns")
    for number, turn in enumerate(turns):
        if not isinstance(turn.get("content"), str | None):
            raise Unusable(f"{where}: content of turn {number} must be a string or null")
    return tuple(turns)


def _files(sources: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """The sources, and in place of a folder what is in it, in order of names; nothing hidden. Raises Unusable."""
    for source in sources or [STDIN]:
        folder = Path(source)
        if source == STDIN or not folder.is_dir():
            yield source
            continue
        inside = sorted(path for path in folder.rglob("*") if path.suffix.lower() in names and path.is_file())
        shown = [path for path in inside if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
        if not shown:
            raise Unusable(f"{source}: no file in it is named {', '.join('*' + name for name in names)}")
        yield from map(str, shown)


def labelled(sources: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Objects of files of JSON lines, each with the place where it stands. Raises Unusable."""
    found = []
    for source in _files(sources, _LINE_FILES):
        found += [(f"{source}, line {number}", raw) for number, raw in _lines(source)]
    if not found:
        raise Unusable("nothing to measure: the input is empty")
    return found


def prompts(sources: Sequence[str], defaults: Defaults, *, lines: bool) -> list[Case]:
    """Cases of all sources in order, folders included.

    With `lines` every source holds cases, else only files named .jsonl or .ndjson.
    """
    found = []
    for source in _files(sources, _LINE_FILES if lines else _PROMPT_FILES):
        if lines or source.lower().endswith(_LINE_FILES):
            found += [_case(source, number, raw, defaults, "prompt") for number, raw in _lines(source)]
        else:
            text = _text(_bytes(source), source)
            found.append(Case(source, None, source, defaults.language, defaults.jurisdictions, prompt=text))
    return _some(found)


def transcripts(sources: Sequence[str], defaults: Defaults) -> list[Case]:
    """Calls of all sources in order: JSON lines, or a file named .json with one call."""
    found = []
    for source in sources or [STDIN]:
        if source.lower().endswith(".json"):
            raw = _object(_text(_bytes(source), source), source)
            found.append(_case(source, None, {"id": source} | raw, defaults, "transcript"))
        else:
            found += [_case(source, number, raw, defaults, "transcript") for number, raw in _lines(source)]
    return _some(found)


def _some(cases: list[Case]) -> list[Case]:
    if not cases:
        raise Unusable("nothing to check: the input holds no case")
    return cases

"""Configurations and tables, laid out as the lines that they stand for; no character moves.

A prompt often comes as JSON, or as a table. Their marks are replaced one for one: keys become labels, members become
lines, and strings that are instructions lose their quotation marks, so that only speech is left in quotes.
"""

from __future__ import annotations

import re

_KEY = re.compile(r'"(?:[^"\\\n]|\\.){1,80}"\s*:')
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:)?|[{}\[\],]', re.DOTALL)
_ESCAPE = re.compile(r'\\(?:([ntr])|(["\\/])|u[0-9a-fA-F]{4})')
_WRITTEN = re.compile(
    r"system|prompt|instruct|rule|guideline|task|behaviou?r|persona|notes?\b|polic|goal|role|context|knowledge|^on_|"
    r"constraint|step|flow|^content$|description|comment|faq|answer|objecti|guardrail|compliance|style|objective|"
    r"procedure|scenario|do_?nt|do_?not|never|always|avoid|"
    # the same in the languages of the packs
    r"instruc|instruk|istruz|anweis|anleit|regel|regl|regra|r[eè]gle|regol|zasad|pravid|sääntö|saanto|kural|ohje|"
    r"talimat|tarea|tâche|aufgab|taak|uppgift|opgav|oppgav|zadan|úkol|görev|hinweis|^notas?$|anmerk|anmärk|bemerk|"
    r"opmerk|remarque|komment|coment|osservaz|uwag|poznám|huomautus|verbod|verbot|förbud|forbud|prohib|proib|interdit|"
    r"vietat|zakaz|zákaz|kielle|yasak|flusso|flujo|fluxo|ablauf|verloop|förlopp|forløp|przebieg|postup|akış|"
    r"规则|規則|指令|说明|說明|备注|備註|禁止|流程|ルール|指示|備考|手順|규칙|지침|지시|비고|절차|नियम|निर्देश|टिप्पणी|"
    r"قواعد|تعليمات|ملاحظ|ممنوع|خطوات",
    re.IGNORECASE,
)
_SPOKEN = re.compile(
    r"messag|phrase|line|utter|text|say|speech|speak|variant|example|sample|dialog|turn", re.IGNORECASE
)
_NAME_OF_PROMPT = re.compile(r"initial|first|opening|begin|greet|welcome|start", re.IGNORECASE)
_ENDS = ("", ".", "!", "?", ":", ";", ",", "…", "。", "！", "？", "।", "؟")
_AGENTS = frozenset(("assistant", "agent", "bot", "ai"))
_ROW = re.compile(r"^([ \t]*)\|(.*)\|[ \t]*$", re.MULTILINE)
_RULE = re.compile(r"[\s|:-]+")


_LISTED = re.compile(
    r"^[ \t]*(?:- )?[\"']?(?P<key>[a-z_][\w -]{1,40})[\"']?[ \t]*:[ \t]*$|^(?P<lead>[ \t]*-[ \t]+)(?P<mark>[\"'])"
    r"(?P<words>[^\n]{2,900})(?P=mark)[ \t]*$|^(?P<other>[^\s-][^\n]*)$",
    re.MULTILINE | re.IGNORECASE,
)
_DUTIES = re.compile(
    r"rule|guideline|polic|constraint|guardrail|complian|requirement|must|always|obligat|dut(?:y|ies)|regel|regl|regra|"
    r"r[eè]gle|regol|zasad|pravid|sääntö|kural",
    re.IGNORECASE,
)


def lay_out(source: str) -> str:
    """The source with its marks replaced, of the same length; the source itself where there is nothing to lay out."""
    if source.lstrip()[:1] in ("{", "[") and _KEY.search(source):
        return _members(source)
    source = _rows(source) if "|" in source else source
    return _duties(source) if _DUTIES.search(source) and "\n" in source else source


def _duties(source: str) -> str:
    """YAML lists of duties: their strings are orders, and lose their quotation marks."""
    out: list[str] = []
    at, ordered = 0, False
    for match in _LISTED.finditer(source):
        if not match["lead"]:
            ordered = bool(match["key"] and _DUTIES.search(match["key"]))
        elif ordered and match["mark"] not in match["words"]:
            out += (source[at : match.start("mark")], " ", match["words"], " ")
            at = match.end("words") + 1
    return "".join([*out, source[at:]])


def _members(source: str) -> str:
    """JSON, also where it is not quite valid: only its marks are looked at."""
    out: list[str] = []
    at, key, lists, role = 0, "", [("", "")], ""
    for match in _TOKEN.finditer(source):
        out.append(source[at : match.start()])
        at = match.end()
        mark = match[0]
        if mark[0] == '"':
            if match[2] is not None:
                key = match[1]
                out.append(f" {key} {match[2]}")
            else:
                named = key or next((name for _, name in reversed(lists) if name), "")
                role = match[1].lower() if key == "role" else role
                spoken = key == "content" and role in _AGENTS
                member = not key and lists[-1][0] == "["
                out.append(match[0] if spoken and "\\" not in match[0] else _string(match[1], named, member))
                key = ""
            continue
        if mark in "{[":
            lists.append((mark, key))
            key = ""
        elif mark in "}]" and len(lists) > 1:
            lists.pop()
        broken = source[at : at + 200].lstrip(" \t")[:1] in ("\n", "\r")
        opened = mark in "{[" and "".join(out[-3:]).rstrip(" ").endswith("\n")
        out.append("\n" if mark in "}]" or not (broken or opened) else " ")
    return "".join([*out, source[at:]])


def _string(value: str, key: str, member: bool) -> str:
    """A value; the members of a list are orders unless the name of the list says that they are spoken."""
    text = _ESCAPE.sub(_unescaped, value) if "\\" in value else value
    written = bool(_WRITTEN.search(key)) or (member and bool(key) and not _SPOKEN.search(key))
    written = written and not _NAME_OF_PROMPT.search(key)
    if not written:
        return f'"{text}"'
    return f" {text}{' ' if text.rstrip()[-1:] in _ENDS else '.'}"


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        return " \n" if match[1] == "n" else "  "
    return "'" + " " if match[2] == '"' else " " * len(match[0])


def _rows(source: str) -> str:
    """Rows of a table: the first cell of a row is the label of what follows."""
    return _ROW.sub(_row, source)


def _row(match: re.Match[str]) -> str:
    cells = match[2]
    if _RULE.fullmatch(cells):
        return match[1] + " " * (len(match[0]) - len(match[1]))
    first, bar, rest = cells.partition("|")
    if not bar:
        return match[0]
    label = first.rstrip()
    gap = len(first) - len(label)
    line = match[1] + " " + label + ":" + " " * gap + rest.replace("|", ";") + " "
    return line + " " * (len(match[0]) - len(line))

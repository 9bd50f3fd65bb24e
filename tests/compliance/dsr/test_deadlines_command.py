"""`manage.py deadlines`: the contract that other programs rely on. No database."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from compliance.dsr.management.commands.deadlines import Command

EU = {"id": "a", "regime": "eu-gdpr", "right": "access", "received": "2026-01-31", "place": "DE-BY", "events": []}
OPT_OUT = {"id": "b", "regime": "us-ca", "right": "opt_out", "received": "2026-01-05", "place": "US-CA", "events": []}


@dataclass(frozen=True)
class Run:
    code: int | str | None
    answers: list[dict[str, Any]]
    errors: str


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Any:
    def run_with(*arguments: str) -> Run:
        code: int | str | None = 0
        try:
            Command().run_from_argv(["manage.py", "deadlines", *arguments])
        except SystemExit as end:
            code = end.code
        written = capfd.readouterr()
        return Run(code, [json.loads(line) for line in written.out.splitlines()], written.err)

    return run_with


def lines(documents: Sequence[object]) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def test_a_file_is_answered_line_by_line_in_order(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_bytes(lines([EU, OPT_OUT]))
    done = run(str(file))
    assert (done.code, done.errors) == (0, "")
    assert [answer["id"] for answer in done.answers] == ["a", "b"]
    assert [answer["respond_by"] for answer in done.answers] == ["2026-03-02", "2026-01-26"]
    assert [answer["extended_respond_by"] for answer in done.answers] == ["2026-04-30", None]


def test_standard_input_is_read_without_a_file(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines([EU]) + b"\n")))
    done = run()
    assert done.code == 0
    assert [answer["id"] for answer in done.answers] == ["a"]


def test_bad_lines_are_named_and_the_others_answered(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_bytes(lines([EU]) + b"nonsense\n" + lines([{**EU, "regime": "mars"}, OPT_OUT]))
    done = run(str(file))
    assert done.code == 64
    assert [answer["id"] for answer in done.answers] == ["a", "b"]
    assert "line 2: not JSON" in done.errors
    assert "line 3: unknown regime 'mars'" in done.errors
    assert "2 line(s)" in done.errors


@pytest.mark.parametrize("arguments", [["--bogus"], ["one", "two"], ["/nowhere/questions.jsonl"], ["/"]])
def test_wrong_usage_ends_with_64(run: Any, arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.code == 64
    assert done.answers == []
    assert done.errors


def test_an_empty_file_has_no_answers(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "none.jsonl"
    file.write_bytes(b"\n")
    assert run(str(file)) == Run(0, [], "")


def test_whatever_the_id_the_line_is_plain_ascii(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_bytes(lines([{**EU, "id": "\ud800 ü"}]))
    assert run(str(file)).answers[0]["id"] == "\ud800 ü"

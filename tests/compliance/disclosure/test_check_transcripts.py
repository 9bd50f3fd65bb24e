"""The contract of `manage.py check_transcripts` (DESIGN section 2)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.compliance.disclosure.test_check_prompts import run

TOLD = [
    {"role": "assistant", "content": "Oak Vet, this call is recorded.", "timestamp": 0},
    {"role": "user", "content": "My name is Ann Lee.", "timestamp": 4.5},
]
UNTOLD = [
    {"role": "assistant", "content": "Oak Vet, hello.", "timestamp": 0},
    {"role": "user", "content": "Hi.", "timestamp": 2},
]


def _line(turns: object, **more: object) -> str:
    case = {"id": "a", "language": "en", "jurisdictions": ["US-CA"], "transcription": turns}
    return json.dumps(case | more) + "\n"


def _check(stdin: str, *arguments: str) -> tuple[int, bytes, bytes]:
    done = run("--format", "jsonl", *arguments, stdin=stdin, command="check_transcripts")
    return done.returncode, done.stdout, done.stderr


def test_json_lines_keep_order_and_shape() -> None:
    code, out, _ = _check(_line(UNTOLD, id="x") + _line(TOLD, id="y"))
    assert code == 1
    first, second = (json.loads(line) for line in out.splitlines())
    assert first == {
        "id": "x", "verdict": "fail", "reasons": ["missing"], "disclosure_turn": None,
        "seconds_to_disclosure": None, "first_personal_data_turn": None,
    }  # fmt: skip
    assert second == {
        "id": "y", "verdict": "pass", "reasons": ["disclosed"], "disclosure_turn": 0,
        "seconds_to_disclosure": 0.0, "first_personal_data_turn": 1,
    }  # fmt: skip


def test_exit_codes() -> None:
    assert _check(_line(TOLD))[0] == 0
    assert _check(_line(UNTOLD))[0] == 1
    assert _check(_line([]))[0] == 2  # nothing was said that could be judged


@pytest.mark.parametrize(
    "line",
    [
        "{oops\n",
        _line("words"),
        _line(["words"]),
        _line([{"role": "user", "content": 3}]),
        _line(TOLD, jurisdictions=["?"]),
    ],
)
def test_unusable_input_leaves_with_64(line: str) -> None:
    code, out, err = _check(_line(TOLD) + line)
    assert (code, out) == (64, b"")
    assert b"line 2" in err


def test_sarif_is_not_offered_for_calls() -> None:
    assert run("--format", "sarif", stdin=_line(TOLD), command="check_transcripts").returncode == 64


def test_one_call_in_a_json_file(tmp_path: Path) -> None:
    file = tmp_path / "call.json"
    file.write_text(json.dumps({"transcription": TOLD}))
    done = run(str(file), "--jurisdictions", "US-CA", command="check_transcripts")
    assert done.returncode == 0
    assert "turn 0 (0.0 s after the start)" in done.stdout.decode()

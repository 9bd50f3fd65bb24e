"""The contract of `manage.py check_prompts` (DESIGN section 2): a process and its exit code, as a pipeline sees it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import load_command_class

from compliance.disclosure import rules

ROOT = Path(__file__).parents[3]
GOOD = 'Greeting: "Oak Vet. This call is recorded for training. What ails your pet?"\n'
BAD = 'You are Bob.\nGreeting: "Oak Vet. What ails your pet?"\n'
UNSURE = 'Greeting: "Oak Vet. This call may be monitored. What ails your pet?"\n'


@dataclass(frozen=True, slots=True)
class Done:
    """What a run left behind."""

    returncode: int
    stdout: bytes
    stderr: bytes


def run(*arguments: str, stdin: str | bytes = "", command: str = "check_prompts") -> Done:
    """The command with its own streams, in this process: Django's start would cost more than all the checks."""
    raw = stdin.encode() if isinstance(stdin, str) else stdin
    streams = [io.TextIOWrapper(io.BytesIO(start), encoding="utf-8") for start in (raw, b"", b"")]
    with pytest.MonkeyPatch.context() as patch:
        for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
            patch.setattr(sys, name, stream)
        with pytest.raises(SystemExit) as left:
            load_command_class("compliance.disclosure", command).run_from_argv(["manage.py", command, *arguments])
    outputs = []
    for stream in streams[1:]:
        stream.flush()
        outputs.append(stream.buffer.getvalue())
    assert isinstance(left.value.code, int)
    return Done(left.value.code, *outputs)


def process(*arguments: str, stdin: str = "") -> int:
    """The exit code of a real process without any of our settings in its environment: no database, no secrets."""
    clean = {key: value for key, value in os.environ.items() if not key.endswith("_URL") and "KEY" not in key}
    clean |= {"CALLWARDEN_PROFILE": "tool", "PYTHONDONTWRITEBYTECODE": "1"}
    line = [sys.executable, str(ROOT / "manage.py"), "check_prompts", *arguments]
    return subprocess.run(line, input=stdin.encode(), capture_output=True, env=clean, check=False).returncode


def _line(prompt: str, **more: object) -> str:
    return json.dumps({"id": "a", "prompt": prompt, "language": "en-US", "jurisdictions": ["US-CA"]} | more) + "\n"


def _results(done: Done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


@pytest.mark.parametrize(
    ("prompts", "code"),
    [((GOOD,), 0), ((BAD,), 1), ((UNSURE,), 2), ((GOOD, UNSURE), 2), ((GOOD, UNSURE, BAD), 1)],
)
def test_exit_codes(tmp_path: Path, prompts: tuple[str, ...], code: int) -> None:
    files = []
    for number, prompt in enumerate(prompts):
        files.append(str(tmp_path / f"{number}.txt"))
        Path(files[-1]).write_text(prompt)
    assert run(*files, "--jurisdictions", "US-CA").returncode == code


def test_a_process_leaves_with_the_code() -> None:
    assert process("--format", "jsonl", stdin=_line(GOOD)) == 0
    assert process("--format", "jsonl", stdin=_line(GOOD) + _line(BAD)) == 1
    assert process("--format", "jsonl", stdin=_line(UNSURE)) == 2
    assert process("--format", "xml") == 64


def test_a_fault_of_ours_leaves_with_70(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(rules, "judge_prompt", broken)
    done = run("--format", "jsonl", stdin=_line(GOOD))
    assert (done.returncode, done.stdout) == (70, b"")
    assert b"ZeroDivisionError" in done.stderr


def test_json_lines_keep_order_and_shape() -> None:
    done = run("--format", "jsonl", stdin=_line(BAD, id="x") + "\n" + _line(GOOD, id=7) + _line(UNSURE, id=None))
    assert done.returncode == 1
    results = _results(done)
    assert [(result["id"], result["verdict"]) for result in results] == [("x", "fail"), (7, "pass"), (None, "review")]
    assert all(
        list(result) == ["id", "verdict", "reasons", "evidence", "offending", "ai", "fix", "spans"]
        for result in results
    )
    start, end = results[1]["spans"]["evidence"]
    assert GOOD[start:end] == results[1]["evidence"] == "This call is recorded for training."
    assert results[0]["spans"] == {"evidence": None, "offending": None}


def test_options_fill_in_what_a_line_does_not_say() -> None:
    bare = json.dumps({"id": "a", "prompt": "Oak Vet. This call is recorded for training. What ails your pet?"})
    assert _results(run("--format", "jsonl", "--jurisdictions", "DE", stdin=bare))[0]["reasons"] == [
        "consent_not_requested"
    ]
    assert _results(run("--format", "jsonl", "--jurisdictions", "US-CA,GB", stdin=bare))[0]["verdict"] == "pass"


def test_codes_may_be_listed_before_a_file(tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_text(GOOD)
    assert run("--jurisdictions", "US-CA", "DE", str(file)).returncode == 1
    assert run(str(file), "--jurisdictions", "US-CA", "GB").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (("--format", "xml"), ""),
        (("--wrong",), ""),
        (("nowhere/at-all.txt",), ""),
        (("--jurisdictions", "Germany"), GOOD),
        (("--language", "English language"), GOOD),
        (("--format", "jsonl"), ""),
        (("--format", "jsonl"), _line(GOOD) + "{oops\n"),
        (("--format", "jsonl"), _line(GOOD) + "[1]\n"),
        (("--format", "jsonl"), _line(GOOD) + '{"id": "b"}\n'),
        (("--format", "jsonl"), _line(GOOD, jurisdictions="US-CA")),
        (("--format", "jsonl"), _line(GOOD, jurisdictions=["Deutschland"])),
        (("--format", "jsonl"), _line(GOOD, language=3)),
        (("--format", "jsonl"), _line(GOOD, id=[1])),
        (("--format", "jsonl"), _line("x" * 1_000_001)),
        (("--format", "jsonl"), "[" * 100_000),
    ],
)
def test_unusable_input_leaves_with_64_and_prints_no_result(arguments: tuple[str, ...], stdin: str) -> None:
    done = run(*arguments, stdin=stdin)
    assert done.returncode == 64
    assert done.stdout == b""
    assert done.stderr.strip()


def test_a_malformed_line_is_named_by_its_number() -> None:
    done = run("--format", "jsonl", stdin=_line(GOOD) + "\n" + _line(BAD) + "{oops\n")
    assert b"line 4" in done.stderr


def test_bytes_that_are_no_utf8_are_unusable() -> None:
    assert run("--format", "jsonl", stdin=b'{"prompt": "\xff"}\n').returncode == 64


def test_a_byte_order_mark_and_lone_surrogates_do_no_harm() -> None:
    marked = b"\xef\xbb\xbf" + _line('Greeting: "Oak \ud800. This call is recorded."').encode()
    done = run("--format", "jsonl", stdin=marked)
    assert (done.returncode, _results(done)[0]["verdict"]) == (0, "pass")


def test_text_shows_line_reason_and_fix(tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_text('Greeting: "Oak Vet. This call is recorded."\n\nNever mention the recording.\n')
    shown = run(str(file), "--jurisdictions", "US-CA").stdout.decode()
    assert f"{file}: FAIL contradicted" in shown
    assert "line 1, column 21 says: This call is recorded." in shown
    assert "line 3, column 1 but: Never mention the recording." in shown
    assert "fix: This call is recorded" in shown


def test_sarif_points_at_the_line_and_carries_the_fix(tmp_path: Path) -> None:
    file = tmp_path / "a prompt.txt"
    file.write_text('Émile 😀\nGreeting: "Oak Vet. This call may be monitored."\n')
    log = json.loads(run(str(file), "--format", "sarif", "--jurisdictions", "US-CA").stdout)
    assert log["version"] == "2.1.0"
    (found,) = log["runs"][0]["results"]
    assert log["runs"][0]["columnKind"] == "unicodeCodePoints"
    assert (found["ruleId"], found["level"]) == ("disclosure/ambiguous", "warning")
    assert log["runs"][0]["tool"]["driver"]["rules"][found["ruleIndex"]]["id"] == found["ruleId"]
    place = found["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith("a%20prompt.txt")
    assert place["region"] == {"startLine": 2, "startColumn": 21, "endLine": 2, "endColumn": 48}
    (replacement,) = found["fixes"][0]["artifactChanges"][0]["replacements"]
    assert replacement["insertedContent"]["text"].startswith("This call is recorded")


def test_sarif_of_what_passes_has_no_results(tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_text(GOOD)
    done = run(str(file), "--format", "sarif", "--jurisdictions", "US-CA")
    assert (done.returncode, json.loads(done.stdout)["runs"][0]["results"]) == (0, [])

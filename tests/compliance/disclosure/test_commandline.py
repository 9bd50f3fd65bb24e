"""`python -m compliance.disclosure`: the checks without a framework."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from compliance.disclosure import commandline, measuring

ROOT = Path(__file__).parents[3]
GOOD = 'Greeting: "Oak Vet. This call is recorded for training. What ails your pet?"\n'
BAD = 'You are Bob.\nGreeting: "Oak Vet. What ails your pet?"\n'


def leave(*arguments: str) -> int:
    """The code that a run ends with."""
    with pytest.raises(SystemExit) as left:
        commandline.main(arguments)
    assert isinstance(left.value.code, int)
    return left.value.code


def test_it_starts_without_the_framework() -> None:
    script = "import sys, compliance.disclosure.commandline; print([name for name in sys.modules if 'django' in name])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == b"[]"


def test_a_process_of_its_own() -> None:
    line = [sys.executable, "-m", "compliance.disclosure", "--jurisdictions", "US-CA"]
    done = subprocess.run(line, input=BAD.encode(), capture_output=True, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith(b"stdin: FAIL missing")


def test_folders_are_searched_and_hidden_files_are_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("b.md", "deep/a.yaml", "deep/c.prompt", "d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(GOOD)
    for name in (".hidden.txt", ".git/x.txt", "deep/picture.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(BAD)
    assert leave(str(tmp_path), "--jurisdictions", "US-CA") == 0
    shown = [line for line in capsys.readouterr().out.splitlines() if ": PASS" in line]
    assert [line.split(": PASS")[0].removeprefix(f"{tmp_path}/") for line in shown] == [
        "b.md", "d.txt", "deep/a.yaml", "deep/c.prompt",
    ]  # fmt: skip


def test_a_folder_without_prompts_is_unusable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave(str(tmp_path)) == 64
    assert "no file in it" in capsys.readouterr().err


def test_an_ai_that_is_not_told_is_said_beside_the_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text(GOOD)
    assert leave(str(tmp_path / "a.txt"), "--jurisdictions", "FR") == 0
    assert "2024/1689" in capsys.readouterr().out


def test_calls_are_checked_too(tmp_path: Path) -> None:
    turns = [{"role": "assistant", "content": "Oak Vet, this call is recorded."}]
    (tmp_path / "call.json").write_text(json.dumps({"transcription": turns}))
    assert leave("--transcripts", str(tmp_path / "call.json"), "--jurisdictions", "US-CA") == 0


def _case(**more: object) -> str:
    expected = {"verdict": "pass", "reasons": ["disclosed"], "evidence": "This call is recorded for training."}
    case = {"id": "a", "language": "en-US", "jurisdictions": ["US-CA"], "prompt": GOOD, "expected": expected}
    return json.dumps(case | more) + "\n"


def test_measuring(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = {"verdict": "fail", "reasons": ["late"], "evidence": None}
    call = {"transcription": [{"role": "assistant", "content": "Oak Vet. This call is recorded.", "timestamp": 0}]}
    heard = {"verdict": "pass", "reasons": ["disclosed"], "disclosure_turn": 0, "seconds_to_disclosure": 0.0}
    said = json.dumps({"id": "c", "language": "de", "jurisdictions": ["US-CA"], "expected": heard} | call)
    (tmp_path / "cases.jsonl").write_text(_case() + _case(id="b", expected=wrong) + said)
    assert leave("--measure", str(tmp_path / "cases.jsonl"), "--format", "jsonl") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["overall"]["prompts"]["confusion"] == {"fail as pass": 1, "pass as pass": 1}
    assert report["overall"]["prompts"]["false_passes"] == ["b"]
    assert report["overall"]["prompts"]["shares"]["evidence"] == 0.5
    assert set(report["by_language"]) == {"prompts en", "calls de"}
    assert report["overall"]["calls"]["shares"]["disclosure turn"] == 1.0
    assert leave("--measure", str(tmp_path / "cases.jsonl")) == 0
    assert "false passes 1 (100.0%): b" in capsys.readouterr().out


@pytest.mark.parametrize("line", ["{oops", _case(expected={"verdict": "maybe"}), _case(prompt=3)])
def test_cases_that_cannot_be_scored_are_unusable(tmp_path: Path, line: str) -> None:
    (tmp_path / "cases.jsonl").write_text(line)
    assert leave("--measure", str(tmp_path / "cases.jsonl")) == 64


def test_overlap_counts_from_half_of_the_longer_span() -> None:
    from compliance.disclosure.rules import Span

    assert measuring._overlap("abcdefgh", "abcd", Span(0, 8)) == (4, 8)
    assert measuring._overlap("abcdefgh", None, None) == (0, 0)
    assert measuring._overlap("abcdefgh", "abcd", None) == (0, 1)


def test_packs_are_looked_over(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("--check-pack", "en") == 0
    assert capsys.readouterr().out == "en: sound\n"
    assert leave("--check-pack", "xx") == 64

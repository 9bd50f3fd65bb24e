"""`python -m audit.verify` as an auditor runs it: exit codes, words, and no Django."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from audit.verify.__main__ import main
from tests.audit.tlog import vectors
from tests.audit.verify.exports import example

KEY = ["--key", vectors.SIGNER.vkey]
ENTRIES = vectors.entries_of(5)
NOTE = vectors.signed_head(ENTRIES)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return example().write(tmp_path / "log")


def run(*arguments: str) -> int:
    try:
        return main([*arguments])
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else -1


def test_it_runs_on_its_own_without_django(export: Path) -> None:
    """A process of its own in which importing anything but what the verifier may need fails."""
    allowed = {"audit", "cryptography", "rfc8785", "_cffi_backend", "cffi", "_openssl"}
    program = (
        "import runpy, sys\n"
        f"sys.argv = ['verify', {str(export)!r}, '--key', {vectors.SIGNER.vkey!r}]\n"
        "code = 0\n"
        "try:\n    runpy.run_module('audit.verify', run_name='__main__')\n"
        "except SystemExit as stop:\n    code = stop.code\n"
        "foreign = {name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names\n"
        f"foreign = {{name for name in foreign - {allowed!r} if not name.startswith('_')}}\n"
        "print('foreign:', sorted(foreign)); sys.exit(code)\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("log: VERIFIED\n")
    assert done.stdout.rstrip().endswith("foreign: []")


def test_words_and_json_say_the_same(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(export), *KEY) == 0
    words = capsys.readouterr().out
    assert run(str(export), *KEY, "--json") == 0
    found = json.loads(capsys.readouterr().out)

    assert (found["outcome"], found["exit_code"], found["problems"]) == ("ok", 0, [])
    for text in found["not_checked"]:
        assert text in words


def test_exit_codes(export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = tmp_path / "old"
    old.write_bytes(example(800).files["checkpoint"])
    assert run(str(export), *KEY, "--old", str(old)) == 20
    forked = example()
    forked.leaves[0] = forked.leaves[0]._replace(out="denied")
    old.write_bytes(forked.build().files["checkpoint"])
    assert run(str(export), *KEY, "--old", str(old)) == 30
    assert run(str(export), *KEY, "--max-age", "1") in (0, 10)
    (export / "tile/0/000").write_bytes(b"x" * 8192)
    assert run(str(export), *KEY) == 40
    assert "[invalid] tile/0/000 is not the hashes" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [[], ["x"], ["/nowhere", *KEY], [".", "--key", "x"], [".", *KEY, "--old", "/nowhere"], [".", *KEY, "--what"]],
)
def test_wrong_usage_is_no_finding(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 64
    assert "usage:" in capsys.readouterr().err


def test_a_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "checkpoint"
    file.write_text(NOTE, encoding="utf-8")
    assert run(str(file), *KEY) == 0
    assert "only the signature" in capsys.readouterr().out
    assert run(str(file), "--key", vectors.ROOT_SIGNER.vkey) == 40


def test_a_proof_that_carries_its_entry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "entry.tlog-proof"
    file.write_text(vectors.proof_of(3, ENTRIES, NOTE), encoding="utf-8")
    assert run(str(file), *KEY, "--json") == 0
    facts = json.loads(capsys.readouterr().out)["facts"]
    assert (facts["index"], facts["entry"], facts["fields_disclosed"]) == (3, str(vectors.leaf_of(3).id), 4)

    file.write_text(vectors.proof_of(3, ENTRIES, NOTE).replace("index 3", "index 2"), encoding="utf-8")
    assert run(str(file), *KEY) == 40


def test_a_proof_of_given_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = vectors.proof_of(3, ENTRIES, NOTE).split("\n")
    proof, entry = tmp_path / "entry.tlog-proof", tmp_path / "entry"
    proof.write_text("\n".join([lines[0], *lines[2:]]), encoding="utf-8")
    entry.write_bytes(ENTRIES[3])

    assert run(str(proof), *KEY, "--entry", str(entry)) == 0
    assert run(str(proof), *KEY) == 40
    assert "--entry" in capsys.readouterr().out
    entry.write_bytes(ENTRIES[2])
    assert run(str(proof), *KEY, "--entry", str(entry)) == 40


def test_a_statement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = vectors.make_statement()
    assert isinstance(made, dict)
    file = tmp_path / "certificate.json"
    file.write_text(str(made["statement"]), encoding="utf-8")

    assert run(str(file), *KEY) == 0
    assert "erasure.certificate" in capsys.readouterr().out
    file.write_text(str(made["statement"]).replace('"answer":"404"', '"answer":"410"'), encoding="utf-8")
    assert run(str(file), *KEY) == 40
    assert "the body is not the one that was signed" in capsys.readouterr().out
    assert run(str(file), *KEY, "--max-age", "1") == 40

"""What an auditor files: a text and the same as JSON."""

from __future__ import annotations

import json
import platform
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from compliance.embedded.places import PROJECT
from tests.drill.story import Case, Objects

_LINES = (
    ("refused_with", "the vault answered"),
    ("ready", "/readyz answered, for the vault"),
    ("opens_without_the_lock", "objects of the erased person that would open without the lock"),
    ("erased_that_open", "objects of the erased person that open after the replay"),
    ("others_that_open", "objects of other people that open after the replay, with their registered SHA-256"),
    ("keys_left_of_erased", "keys of the erased person and their calls in the key database"),
    ("found_by_identifier", "calls found by the person's telephone number"),
    ("calls_back", "calls or artifacts of the person that are not erased"),
    ("seconds", "seconds from the start to the last look"),
)


@dataclass(frozen=True)
class Drill:
    """One drill: with what, of what, and what was seen."""

    began_at: datetime
    dump: str
    digests: dict[str, str]
    objects: Objects
    opened_before: tuple[int, int]
    cases: Sequence[Case]

    @property
    def passed(self) -> bool:
        """Every case held, and before the erasure everything opened: else nothing was shown."""
        everything = (len(self.objects.erased), len(self.objects.others))
        return self.opened_before == everything and all(case.held for case in self.cases)


def write(drill: Drill, folder: Path) -> str:
    """`drill.txt` and `drill.json` in a folder; the text."""
    folder.mkdir(parents=True, exist_ok=True)
    text = _text(drill)
    (folder / "drill.txt").write_text(text)
    (folder / "drill.json").write_text(json.dumps(_document(drill), indent=1, sort_keys=True))
    return text


def _document(drill: Drill) -> dict[str, object]:
    return {
        "v": 1,
        "began_at": drill.began_at.isoformat(timespec="seconds"),
        "ended_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": _versions(drill),
        "backup_sha256": drill.digests,
        "objects": {"erased": len(drill.objects.erased), "others": len(drill.objects.others)},
        "opened_before": {"erased": drill.opened_before[0], "others": drill.opened_before[1]},
        "cases": [asdict(case) | {"held": case.held} for case in drill.cases],
        "passed": drill.passed,
    }


def _text(drill: Drill) -> str:
    before = f"{drill.opened_before[0]} of the person, {drill.opened_before[1]} of others"
    lines = [
        "RESTORE DRILL",
        f"began {drill.began_at.isoformat(timespec='seconds')}",
        *(f"{name} {value}" for name, value in _versions(drill).items()),
        *(f"backup of {name}: SHA-256 {digest}" for name, digest in drill.digests.items()),
        f"objects that opened before the erasure: {before}",
    ]
    for case in drill.cases:
        lines += ["", f"restored from the old backup: {' and '.join(case.restored)}"]
        lines += [f"  {words}: {getattr(case, name)}" for name, words in _LINES]
        lines += [f"  replay: {json.dumps(line, sort_keys=True)}" for line in case.replay]
        lines += [f"  {'held' if case.held else 'DID NOT HOLD'}"]
    return "\n".join([*lines, "", "PASSED" if drill.passed else "FAILED", ""])


def _versions(drill: Drill) -> dict[str, str]:
    return {
        "callwarden": tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"],
        "cryptography": version("cryptography"),
        "django": version("django"),
        "python": platform.python_version(),
        "postgres": drill.dump,
    }

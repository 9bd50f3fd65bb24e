"""What no file of the project may hold: hosts of registries, paths of somebody's machine, secrets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compliance.embedded.places import PROJECT
from tests.house import source

# Put together here, so that this file does not find itself.
_FORBIDDEN = {
    "a registry's host": "|".join(
        re.escape(".".join(parts))
        for parts in (
            ("pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org"), ("deb", "debian", "org"),
            ("registry", "yarnpkg", "com"), ("proxy", "golang", "org"), ("index", "crates", "io"),
        )
    ),
    "a path of a machine": rf"/(?:home|Users)/[a-z]\w*/|(?<!\w)/{'root'}/|/{'work'}/(?:main|shared|\.)|[A-Z]:\\Users",
    "a way out of the project": rf"\.\./{'shared'}\b",
    "a private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}",
    "a cloud key": r"\bAKIA[0-9A-Z]{16}\b",
    "an API key of ours": r"\bcw_[0-9a-f]{12}_[\w-]{43}\b",
    "a token of a platform": r"\b(?:gh[pousr]_\w{36}|xox[abp]-[\w-]{20,}|sk_live_\w{16,}|glpat-[\w-]{20})",
}  # fmt: skip
_BINARY = {".wav", ".mp3", ".ogg", ".png", ".ico", ".woff2", ".pdf", ".bin", ".zip", ".webm", ".m4a", ".flac", ".opus"}


def texts() -> list[Path]:
    return [path for path in source.tracked() if path.suffix not in _BINARY and b"\0" not in path.read_bytes()[:4096]]


@pytest.mark.parametrize("what", _FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(_FORBIDDEN[what])
    found = [
        f"{path.relative_to(PROJECT)}: {hit[0][:80]}"
        for path in texts()
        for hit in pattern.finditer(path.read_text(errors="replace"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a registry's host", "--index-url https://" + "pypi" + ".org"),
        ("a path of a machine", "see /home/" + "ana/callwarden"),
        ("a private key", "-----BEGIN PRIVATE KEY-----" + "\n" + "A" * 64),
        ("an API key of ours", "cw_0123456789ab_" + "x" * 43),
        ("a cloud key", "AKIA" + "A" * 16),
    ],
)
def test_the_patterns_find_what_they_are_for(what: str, line: str) -> None:
    assert re.search(_FORBIDDEN[what], line)


def test_what_is_ignored_is_not_tracked() -> None:
    ignored = (".venv/", "var/", "uv.lock", "pylock.toml", "secrets/", ".env")
    names = [path.relative_to(PROJECT).as_posix() for path in source.tracked()]
    assert [name for name in names if name.startswith(ignored)] == []


def test_every_text_ends_with_a_line() -> None:
    ended = (".py", ".md", ".toml", ".txt", ".sql", ".yml", ".yaml", ".html", ".css")
    found = [path for path in texts() if path.suffix in ended and (text := path.read_text()) and text[-1] != "\n"]
    assert [str(path.relative_to(PROJECT)) for path in found] == []

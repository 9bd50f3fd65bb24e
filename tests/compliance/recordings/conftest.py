"""Fixtures of the register's tests."""

from __future__ import annotations

from tests.compliance.calls import committed_line, entries, line, log_lines, media, outside_line, played_line

__all__ = ["committed_line", "entries", "line", "log_lines", "media", "outside_line", "played_line"]

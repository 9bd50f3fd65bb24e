"""Names of this room's log events."""

from __future__ import annotations

PROMPT_SUBMITTED = "disclosure.prompt.submitted"
PROMPT_JUDGED = "disclosure.prompt.judged"
CALL_JUDGED = "disclosure.call.judged"
FINDING_RESOLVED = "disclosure.finding.resolved"
TEXT_CHECKED = "disclosure.text.checked"

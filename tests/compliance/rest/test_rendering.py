"""Times in answers."""

import json
from datetime import UTC, datetime

from compliance.rest.rendering import JSONRenderer


def test_utc_is_written_as_an_offset() -> None:
    answer = JSONRenderer().render({"at": datetime(2026, 11, 22, 10, 0, tzinfo=UTC)})
    assert json.loads(answer) == {"at": "2026-11-22T10:00:00+00:00"}

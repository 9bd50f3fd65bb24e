"""The console's first page: what is due, what is open, whether the log is fresh. Each room says its part, by rights."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.pages import Figures, Part
from audit import admin as log
from compliance.connectors import admin as connectors
from compliance.disclosure.admin import overview as disclosure
from compliance.dsr.admin import overview as requests
from compliance.intake import admin as intake
from compliance.outlet import admin as outlet
from compliance.recordings.admin import overview as recordings
from compliance.retention.admin import overview as retention


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The framework's callback for its index page."""
    rooms = (
        requests.figures, recordings.figures, retention.figures, disclosure.figures, connectors.figures,
        intake.figures, outlet.figures, log.figures,
    )  # fmt: skip
    figures = [figure for room in rooms for figure in room(request)]
    due = requests.due_next(request)
    parts: list[Part] = [Figures("At a glance", figures)]
    return context | {"parts": [due, *parts] if due else parts}

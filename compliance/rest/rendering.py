"""JSON as we write it: UTC times end in `+00:00`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import renderers
from rest_framework.utils import encoders


class _Encoder(encoders.JSONEncoder):
    def default(self, o: Any) -> Any:
        return o.isoformat() if isinstance(o, datetime) else super().default(o)


class JSONRenderer(renderers.JSONRenderer):
    """The framework's own writes `Z`."""

    encoder_class = _Encoder

"""What the API's schema says on every operation: Idempotency-Key, ETag, RateLimit, and how an error looks."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from compliance.rest.problems import PROBLEM_JSON
from compliance.rest.views import OrganisationView

_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="1 to 255 printable characters, kept for 24 hours: the same request with the same key is done once and "
    "answered twice (`Idempotent-Replayed: true`); another request with the same key is a 409.",
)
_IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="the ETag that was read; 412 where it has changed since"
)
_IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="ETags that the caller has; 304 where one is current"
)
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_COMPONENTS: dict[str, Any] = {
    "schemas": {
        "Problem": {
            "type": "object",
            "description": "Problem details (RFC 9457). `code` is stable; `title` and `detail` are for people.",
            "required": ["type", "title", "status", "code"],
            "properties": {
                "type": {"type": "string", "format": "uri", "examples": ["urn:callwarden:problem:not_found"]},
                "title": {"type": "string"},
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "code": {"type": "string", "examples": ["not_found"]},
                "detail": {"type": "string"},
                "errors": {
                    "type": "object",
                    "description": "what is wrong with each field, by its path",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                },
            },
        }
    },
    "responses": {
        "Problem": {
            "description": "Refused, with the reason. A 429 has `Retry-After`.",
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    },
    "headers": {
        "ETag": {"description": "the version of what was answered", "schema": {"type": "string"}},
        "RateLimit": {
            "description": "requests that are left, and seconds until there are new ones",
            "schema": {"type": "string", "examples": ['"default";r=599;t=60']},
        },
        "RateLimit-Policy": {
            "description": "requests a window, and its seconds",
            "schema": {"type": "string", "examples": ['"default";q=600;w=60']},
        },
    },
}


def add_components(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """The framework's hook at the end of the schema: what every operation refers to."""
    components = result.setdefault("components", {})
    for kind, parts in _COMPONENTS.items():
        components[kind] = components.get(kind, {}) | parts
    return result


class Schema(AutoSchema):
    """AutoSchema with what `OrganisationView` does for every address."""

    _RATES: ClassVar[tuple[str, ...]] = ("RateLimit", "RateLimit-Policy")

    def get_override_parameters(self) -> list[Any]:
        if not isinstance(self.view, OrganisationView):
            return []
        if self.method not in _UNSAFE:
            return [_IF_NONE_MATCH] if self.view.has_version else []
        return [_KEY, _IF_MATCH] if self.view.has_version else [_KEY]

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        if not any(str(status)[0] in "45" for status in bodies):  # DialGen's addresses have errors of their own
            bodies["default"] = {"$ref": "#/components/responses/Problem"}
        return bodies

    def _get_response_headers_for_code(self, status_code: str, direction: Any = "response") -> Any:
        headers = super()._get_response_headers_for_code(status_code, direction)
        if isinstance(self.view, OrganisationView) and status_code.startswith("2"):
            names = (*self._RATES, "ETag") if self.view.has_version else self._RATES
            headers |= {name: {"$ref": f"#/components/headers/{name}"} for name in names}
        return headers

"""What comes in: bounded JSON, fields that are all known, ids and texts that the database can hold."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import IO, Any, cast
from uuid import UUID

from django.conf import settings
from rest_framework import exceptions, parsers, serializers
from rest_framework.request import Request

from accounts.errors import Invalid

_UNKNOWN = "This field is not known."
_UNENCODABLE = "Text that is not valid Unicode."


class TooLarge(exceptions.APIException):
    """A body over the service's limit."""

    status_code = 413
    default_code = "too_large"
    default_detail = "The body is too large"


class JSONParser(parsers.JSONParser):
    """JSON of a bounded size and depth. The framework reads whatever is sent, and lets deep nesting end in a
    RecursionError.
    """

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge()
        try:
            return super().parse(io.BytesIO(body), media_type, parser_context)
        except RecursionError as error:
            raise exceptions.ParseError("JSON parse error - nested too deeply") from error


class StrictSerializer(serializers.Serializer[Any]):
    """Input whose unknown fields are an error that names them."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = sorted(str(name) for name in data if name not in self.fields)
            if unknown:
                raise serializers.ValidationError({name: [_UNKNOWN] for name in unknown})
        return super().to_internal_value(data)


def read_input(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The request's body, checked; a 400 that names the fields otherwise."""
    form = serializer(data=request.data)
    form.is_valid(raise_exception=True)
    values = cast(dict[str, Any], form.validated_data)
    wrong = sorted(name for name, value in values.items() if not _is_storable(value))
    if wrong:
        raise serializers.ValidationError({name: [_UNENCODABLE] for name in wrong})
    return values


def read_id(text: str) -> UUID:
    """An id from a query or body; Invalid where it is none."""
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid("An id must be a UUID", errors={"id": ["Not a UUID."]}) from error


def read_choice(request: Request, name: str, choices: Iterable[str]) -> str | None:
    """A query's parameter, one of a closed list, or None where it is not given."""
    value, known = request.query_params.get(name), list(choices)
    if value is not None and value not in known:
        raise Invalid(f"{name} cannot be {value[:40]!r}", errors={name: [f"One of: {', '.join(known)}."]})
    return value


def refuse_unstorable(request: Request) -> None:
    """Refuse addresses with characters that no stored text can have, before they reach a query."""
    asked = [request.path, *request.query_params, *(text for one in request.query_params.lists() for text in one[1])]
    if not all(_is_storable(text) for text in asked):
        raise Invalid("The address holds characters that cannot be used", errors={"address": [_UNENCODABLE]})


def _is_storable(value: Any) -> bool:
    """Postgres takes no NUL, and half a surrogate pair has no UTF-8."""
    match value:
        case str():
            return _is_encodable(value)
        case Mapping():
            return all(_is_storable(part) for pair in value.items() for part in pair)
        case list() | tuple():
            return all(_is_storable(part) for part in value)
    return True


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text

"""The view that every address of the API is: in its actor's organisation, in one transaction, answered twice if asked
twice.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast
from uuid import UUID

from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import events, idempotency, tenancy
from accounts.actors import Actor
from accounts.errors import NotAllowed, Refusal
from audit import log
from compliance.rest import inputs, rendering, versions

_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Written:
    """What a write handler answers: the resource to render, with which status."""

    resource_id: UUID | None
    status: int = 200


class OrganisationView(APIView):
    """A view that runs inside its actor's organisation, as one transaction.

    Write handlers return `Written`; `represent` renders. A view that `has_version` shows one resource by `get` and the
    same by `represent`: its answers carry an ETag, and its writes honour If-Match.

    A view that `asks_others` (a platform, over the network) runs outside a transaction, so that no lock is held while
    somebody else thinks; its operation opens its own, and asking again does no harm.
    """

    has_version: ClassVar[bool] = False
    asks_others: ClassVar[bool] = False
    parser_classes = (inputs.JSONParser,)
    renderer_classes = (rendering.JSONRenderer,)

    def actor(self) -> Actor:
        """Who asks."""
        return cast(Actor, self.request.auth)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        """The body of a write's answer, rendered from the row: at once, and again for a repeated Idempotency-Key."""
        return None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not isinstance(request.auth, Actor):
            raise exceptions.NotAuthenticated()
        inputs.refuse_unstorable(request)
        method = (request.method or "").lower()
        handler = getattr(self, method, None)
        if handler is not None:
            setattr(self, method, functools.partial(self._scoped, handler))

    def _scoped(self, handler: Callable[..., Any], request: Request, *args: Any, **kwargs: Any) -> Any:
        try:
            if self.asks_others:
                return handler(request, *args, **kwargs)
            with tenancy.scope(self.actor().organisation_id):
                if request.method in _UNSAFE:
                    return self._write(handler, request, *args, **kwargs)
                return self._read(handler, request, *args, **kwargs)
        except NotAllowed as refusal:
            _log_denial(self.actor(), type(self).__name__, request.method or "", refusal)
            raise

    def _read(self, handler: Callable[..., Any], request: Request, *args: Any, **kwargs: Any) -> Any:
        answer = handler(request, *args, **kwargs)
        if not self.has_version:
            return answer
        tag = versions.tag_of(answer.data)
        if versions.is_known(request, tag):
            answer = Response(status=304)
        answer["ETag"] = tag
        return answer

    def _write(self, handler: Callable[..., Any], request: Request, *args: Any, **kwargs: Any) -> Any:
        key = request.headers.get("Idempotency-Key")
        asked = None
        if key is not None:
            path = request.get_full_path()
            asked = idempotency.read(self.actor(), key, method=request.method or "", path=path, body=request.body)
            done = idempotency.earlier(asked)
            if done is not None:
                return self._answer(Written(done[1], done[0]), {"Idempotent-Replayed": "true"})
        self._require_match(request, *args, **kwargs)
        outcome = handler(request, *args, **kwargs)
        if asked is not None and isinstance(outcome, Written):
            idempotency.remember(asked, status=outcome.status, resource_id=outcome.resource_id)
        return self._answer(outcome)

    def _require_match(self, request: Request, *args: Any, **kwargs: Any) -> None:
        def current() -> Any:
            return self.get(request, *args, **kwargs).data  # type: ignore[attr-defined]  # has_version promises it

        versions.require_match(request, current if self.has_version else None)

    def _answer(self, outcome: Any, headers: Mapping[str, str] | None = None) -> Any:
        if not isinstance(outcome, Written):
            return outcome
        body = self.represent(outcome.resource_id)
        answer = Response(body, status=outcome.status, headers=dict(headers or {}))
        if self.has_version and body is not None:
            answer["ETag"] = versions.tag_of(body)
        return answer


def _log_denial(actor: Actor, view: str, method: str, refusal: Refusal) -> None:
    """A refusal is an entry of its own: the request's transaction was rolled back."""
    with tenancy.scope(actor.organisation_id):
        log.append(
            actor=actor,
            event=events.ACTION_DENIED,
            organisation_id=actor.organisation_id,
            obj=("view", None),
            cls=log.EntryClass.AUTH,
            outcome="denied",
            what={"view": view.lower(), "method": method.lower(), "code": refusal.code},
        )

"""How often one key or member may ask, told as the IETF's draft says (draft-ietf-httpapi-ratelimit-headers-10).

Counts lie in the process's memory and hold the actor's id only: with several web processes each has its own count, so
an actor may get up to that many times the quota. That is enough to stop a program that runs away, which is what it is
for.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.utils import timezone
from rest_framework import throttling
from rest_framework.request import Request

from accounts.actors import Actor

WINDOW_SECONDS = 60
POLICY = "default"


class ActorThrottle(throttling.BaseThrottle):
    """A quota a minute for each key and member. Requests without an actor pass: they get no further than their 401."""

    _wait: int | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        actor: Any = request.auth
        if not isinstance(actor, Actor):
            return True
        quota = settings.API_REQUESTS_PER_MINUTE
        window, passed = divmod(int(timezone.now().timestamp()), WINDOW_SECONDS)
        left, used = WINDOW_SECONDS - passed, _count(actor, window)
        view.headers["RateLimit-Policy"] = f'"{POLICY}";q={quota};w={WINDOW_SECONDS}'
        view.headers["RateLimit"] = f'"{POLICY}";r={max(0, quota - used)};t={left}'
        self._wait = left
        return used <= quota

    def wait(self) -> float | None:
        """Seconds until the next window."""
        return self._wait


def _count(actor: Actor, window: int) -> int:
    """This request's number in its window."""
    counts, key = caches["rates"], f"{actor.organisation_id}:{actor.reference}:{window}"
    counts.add(key, 0, 2 * WINDOW_SECONDS)
    return int(counts.incr(key))

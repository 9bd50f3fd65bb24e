"""What two implementations say about the same thing: a vendor's own package beside our questions."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
from hypothesis import strategies as st

from compliance.connectors.providers.questions import Question

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def asked_by(use: Callable[[httpx.Client], object], answer: object) -> httpx.Request:
    """The one request that a vendor's package makes; its far end answers with `answer`."""
    seen: list[httpx.Request] = []

    def far_end(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=answer)

    with httpx.Client(transport=httpx.MockTransport(far_end)) as client:
        use(client)
    assert len(seen) == 1
    return seen[0]


def in_words(request: httpx.Request | Question) -> tuple[str, str, list[tuple[str, str]], object]:
    """Method, path, query and body, however they are written. An empty object says as much as no body."""
    if isinstance(request, Question):
        query, path, body = parse_qsl(urlencode(request.query)), request.path, request.body or b""
    else:
        path, _, text = request.url.raw_path.decode().partition("?")
        query, body = parse_qsl(text), request.content
    return request.method, path, sorted(query), (json.loads(body) if body else None) or None


@st.composite
def mutated(draw: st.DrawFn, sample: dict[str, Any]) -> dict[str, Any]:
    """The sample with up to four of its values, at any depth, replaced by others or taken away."""
    value = copy.deepcopy(sample)
    for _ in range(draw(st.integers(1, 4))):
        holder: Any = value
        while True:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(holder[key], dict | list) and holder[key] and draw(st.booleans()):
                holder = holder[key]
                continue
            if draw(st.integers(0, 4)) == 0 and isinstance(holder, dict):
                del holder[key]
            else:
                holder[key] = draw(JSON)
            break
    return value


_ODD: tuple[Any, ...] = (
    None,
    "",
    " ",
    "x",
    "\x00",
    "a\nb",
    "9" * 300,
    0,
    -1,
    7,
    0.5,
    10**23,
    1e300,
    True,
    [],
    [1],
    {},
    {"a": 1},
    [{}],
    [[]],
)


def each_field_odd(sample: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The sample with each of its values in turn, at any depth, replaced by each odd one; of lists the first item."""
    value = copy.deepcopy(sample)
    waiting: list[tuple[Any, str]] = [(value, "")]
    while waiting:
        holder, at = waiting.pop()
        for key in list(holder) if isinstance(holder, dict) else range(min(1, len(holder))):
            kept = holder[key]
            for odd in _ODD:
                holder[key] = odd
                yield f"{at}.{key}={odd!r:.20}", value
            holder[key] = kept
            if isinstance(kept, dict | list):
                waiting.append((kept, f"{at}.{key}"))

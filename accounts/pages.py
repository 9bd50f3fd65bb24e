"""What a console page is made of, and how values read on it. Nothing here is trusted markup: every value is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

NOTHING = "–"

GOOD, BAD, WAITING, PLAIN, QUIET = "good", "bad", "waiting", "plain", "quiet"
"""The tones of a badge. The word says it all; the colour only repeats it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with their values."""

    title: str
    rows: Sequence[tuple[str, object]]
    text: str = ""
    template: ClassVar[str] = "console/parts/facts.html"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of the same kind; `empty` is said where there are none."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[object]]
    text: str = ""
    empty: str = "Nothing here."
    template: ClassVar[str] = "console/parts/table.html"


@dataclass(frozen=True, slots=True)
class Words:
    """Text as somebody wrote it."""

    title: str
    text: str
    note: str = ""
    is_code: bool = False
    template: ClassVar[str] = "console/parts/words.html"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the overview, and where it leads."""

    title: str
    value: object
    text: str = ""
    url: str = ""
    tone: str = PLAIN


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers side by side."""

    title: str
    rows: Sequence[Figure]
    template: ClassVar[str] = "console/parts/figures.html"


@dataclass(frozen=True, slots=True)
class Secret:
    """What is shown once and kept nowhere."""

    title: str
    rows: Sequence[tuple[str, str]]
    text: str
    template: ClassVar[str] = "console/parts/secret.html"


@dataclass(frozen=True, slots=True)
class Player:
    """Sound behind a link of its own."""

    title: str
    url: str
    text: str = ""
    template: ClassVar[str] = "console/parts/player.html"


@dataclass(frozen=True, slots=True)
class Talk:
    """Turns of a conversation: when, who, what."""

    title: str
    turns: Sequence[tuple[str, str, str]]
    text: str = ""
    template: ClassVar[str] = "console/parts/talk.html"


@dataclass(frozen=True, slots=True)
class Again:
    """The same question once more, with these fields: the way on from an answer that goes on."""

    title: str
    fields: Sequence[tuple[str, str]]
    text: str = ""
    template: ClassVar[str] = "console/parts/again.html"


Part = Facts | Table | Words | Figures | Secret | Player | Talk | Again


def badge(text: object, tone: str = PLAIN) -> SafeString:
    """A state in a word."""
    return format_html('<span class="cw-badge cw-{}">{}</span>', tone, words(text))


def state(value: str, tones: Mapping[Any, str]) -> SafeString:
    """A coded state with the tone that it has in this table; unknown ones are plain."""
    return badge(value, tones.get(value, PLAIN)) if value else format_html("{}", NOTHING)


def link(text: object, url: str) -> SafeString:
    """A way to another page."""
    return format_html('<a class="cw-link" href="{}">{}</a>', url, text)


def to(label: str, object_id: object, text: object) -> SafeString:
    """A way to a row's own page; `label` is app_model."""
    return link(text, reverse(f"admin:{label}_change", args=[object_id])) if object_id else format_html("{}", NOTHING)


def code(text: object) -> SafeString:
    """An id, a digest, a key. Long ones may break anywhere."""
    if not text:
        return format_html("{}", NOTHING)
    return format_html('<code class="cw-code{}">{}</code>', " cw-long" if len(str(text)) > 40 else "", text)


def short(object_id: UUID | None) -> SafeString:
    """The end of an id: the beginning of ours is a time and looks alike for neighbours."""
    if object_id is None:
        return format_html("{}", NOTHING)
    return format_html('<code class="cw-code" title="{}">…{}</code>', object_id, object_id.hex[-8:])


def moment(when: datetime | None) -> SafeString:
    """A time in the organisation's zone."""
    if when is None:
        return format_html("{}", NOTHING)
    local = timezone.localtime(when)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', when.isoformat(), local.tzname() or "", f"{local:%-d %b %Y %H:%M}"
    )


def told_moment(when: str) -> SafeString:
    """The same for a time that stands as ISO 8601 in a document."""
    return moment(datetime.fromisoformat(when)) if when else moment(None)


def days(count: int | None) -> str:
    """So many days."""
    return NOTHING if count is None else f"{count:,} day{'' if count == 1 else 's'}"


def day(on: date | None) -> SafeString:
    """A civil date."""
    return format_html('<time datetime="{}">{}</time>', on, f"{on:%-d %b %Y}") if on else format_html("{}", NOTHING)


def due(on: date | None, today: date) -> SafeString:
    """A date and how far away it is."""
    if on is None:
        return format_html("{}", NOTHING)
    left = (on - today).days
    return format_html("{} {}", day(on), badge(_distance(left), BAD if left < 0 else WAITING if left <= 7 else QUIET))


def _distance(left: int) -> str:
    if left < 0:
        return f"{-left} day{'s' if left < -1 else ''} late"
    return {0: "today", 1: "tomorrow"}.get(left, f"{left} days")


def words(value: object) -> str:
    """A code for people: underscores are spaces."""
    return str(value).replace("_", " ")


def beside(*values: object) -> SafeString:
    """Several values next to each other, each escaped or safe as it is."""
    return format_html_join(" ", "{}", ((value,) for value in values))


def counted(rows: QuerySet[Any], limit: int = 1000) -> str:
    """How many rows, without counting on for ever."""
    found = rows.order_by()[:limit].count()
    return f"{found:,}" if found < limit else f"{limit:,} or more"


def listed(values: Iterable[object]) -> str:
    """Several values in one line."""
    return ", ".join(str(value) for value in values) or NOTHING


def lines(values: Iterable[object]) -> SafeString:
    """Several values, one a line."""
    found = [(value,) for value in values]
    if not found:
        return format_html("{}", NOTHING)
    return format_html('<ul class="cw-lines">{}</ul>', format_html_join("", "<li>{}</li>", found))


def size(count: int | None) -> str:
    """Bytes for people."""
    if count is None:
        return NOTHING
    number, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            break
        number /= 1000
    return f"{number:.0f}\u00a0{unit}" if unit == "B" or number >= 10 else f"{number:.1f}\u00a0{unit}"


def duration(milliseconds: int | None) -> str:
    """Minutes and seconds."""
    if milliseconds is None:
        return NOTHING
    seconds = round(milliseconds / 1000)
    return f"{seconds // 60}:{seconds % 60:02d}"

"""What the console's templates need beside Django's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django import template

register = template.Library()


@register.filter
def under(row: Sequence[object], headers: Sequence[str]) -> Iterator[tuple[str, object]]:
    """Cells with the header that they stand under, for narrow screens where each row is a card."""
    return zip(headers, row, strict=True)

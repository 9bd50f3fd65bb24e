"""What a call's words hold, beside the words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts import pages
from accounts.pages import Facts
from compliance.connectors.facts import Message
from compliance.recordings.insights.sentiment import Feeling, LanguageSource, Sentiment, feeling_of
from compliance.recordings.insights.spans import Span, SpanKind
from compliance.recordings.operations.concluding import Opened

_KINDS = {
    SpanKind.PHONE: "Telephone numbers",
    SpanKind.EMAIL: "E-mail addresses",
    SpanKind.CARD: "Payment cards",
}
_TONES = {Feeling.POSITIVE: pages.GOOD, Feeling.NEGATIVE: pages.BAD}
_SOURCES = {LanguageSource.PLATFORM: "as the platform says", LanguageSource.WORDS: "by the caller's words"}


def marked(messages: Sequence[Message], spans: Iterable[Span]) -> list[str]:
    """Each turn's words, with what was found in them marked."""
    by_turn = defaultdict(list)
    for span in spans:
        by_turn[span.turn].append(span)
    return [_marked(message.content, by_turn[turn]) for turn, message in enumerate(messages)]


def _marked(content: str, spans: Sequence[Span]) -> str:
    parts, at = [], 0
    for span in spans:
        parts.append((content[at : span.start], span.kind.value, content[span.start : span.end]))
        at = span.end
    begun: SafeString = format_html_join("", '{}<mark title="{}">{}</mark>', parts)
    return format_html("{}{}", begun, content[at:]) if parts else content


def insights(opened: Opened) -> Facts:
    """Counts, and how the caller sounds."""
    found, felt = opened.insights, opened.insights.sentiment
    counted = Counter(one.kind for one in found.spans)
    rows: list[tuple[str, object]] = [(_KINDS[kind], counted[kind]) for kind in SpanKind]
    rows.append(("Numbers looked for", ", ".join([*found.regions, "with a plus from anywhere"])))
    rows += [("The caller sounds", _feeling(felt)), ("Turn by turn", _turns(felt)), ("Language", _language(felt))]
    if felt.score is not None:
        rows.append(("Method", f"{felt.method}, a word list with rules for English; what the agent said is not judged"))
    text = "" if opened.is_current else "These are being worked out again: more is known now, or a newer way."
    if not found.is_complete:
        text += " There are more digits in these words than are looked at."
    return Facts("What was found in the words", rows, text.strip())


def _feeling(felt: Sentiment) -> object:
    if felt.score is None:
        return "Not supported for this language" if felt.feeling is Feeling.NOT_SUPPORTED else "Nothing was said"
    badge = pages.badge(pages.words(felt.feeling.value), _TONES.get(felt.feeling, pages.PLAIN))
    return format_html("{} {}", badge, f"{felt.score:+.2f} on a scale from -1 to 1")


def _turns(felt: Sentiment) -> object:
    counted = Counter(feeling_of(score) for _, score in felt.turns)
    order = (Feeling.POSITIVE, Feeling.NEUTRAL, Feeling.NEGATIVE)
    return ", ".join(f"{counted[one]} {one.value}" for one in order if counted[one])


def _language(felt: Sentiment) -> str:
    source = _SOURCES.get(felt.language_source)
    return f"{felt.language}, {source}" if felt.language and source else "Nobody can tell"

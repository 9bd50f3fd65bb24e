"""Console: the log's entries, each decoded from its leaf, with what identifies where it is still disclosed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts import access, pages
from accounts.console import ScopedAdmin, actor_of, who
from accounts.pages import Facts, Figure, Part, Table, Words
from audit import entries, publish
from audit.log import EntryClass
from audit.models import Entry
from audit.tlog import canonical, leaf
from audit.tlog.errors import FormatError

_FRESH = timedelta(minutes=15)
_OUTCOMES = {
    "ok": pages.GOOD,
    "denied": pages.BAD,
    "refused": pages.WAITING,
    "failed": pages.BAD,
    "held": pages.WAITING,
}
_FIELDS = {
    entries.FieldState.DISCLOSED: pages.PLAIN,
    entries.FieldState.WITHHELD: pages.WAITING,
    entries.FieldState.ERASED: pages.QUIET,
}


class ClassFilter(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "cls"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.value, kind.value) for kind in EntryClass]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Entry]) -> QuerySet[Entry]:
        return queryset.filter(cls=self.value()) if self.value() else queryset


@admin.register(Entry)
class EntryAdmin(ScopedAdmin):
    read_action = "log.read"
    title = "Log"
    intro = (
        "Every change, decision, sign-in and opening of content. The leaves hold no personal data and can be checked "
        "by anybody with “python -m audit.verify”; who and from where is disclosed beside them, and ends with its key."
    )
    empty = "No entry has its place in the log yet. The sequencer gives it one within seconds."
    list_display = ("at", "event", "by", "outcome_shown", "object_shown", "kind")
    list_filter = (ClassFilter,)
    search_fields = ("object_id",)
    search_help_text = "Id of an entry or an object, or an event such as dsr."
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        return entries.rows(actor_of(request).organisation_id).defer("leaf_hash")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Entry], search_term: str
    ) -> tuple[QuerySet[Entry], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            wanted = UUID(term)
        except ValueError:
            return queryset.filter(act__startswith=term.lower()), False
        return queryset.filter(Q(object_id=wanted) | Q(id=wanted) | Q(cause=wanted)), False

    def name_of(self, row: Entry) -> str:
        return row.act

    def dress(self, request: HttpRequest, rows: list[Any]) -> None:
        """Who did it, from the disclosures of all rows at once."""
        opened = entries.open_disclosures(actor_of(request).organisation_id, [row.id for row in rows])
        for row in rows:
            row.by_whom = _actor_in(bytes(row.leaf), opened)
            row.by_name = who(request, row.by_whom) if row.by_whom else ""

    @admin.display(description="When")
    def at(self, row: Entry) -> str:
        return pages.moment(row.recorded_at)

    @admin.display(description="Event")
    def event(self, row: Entry) -> str:
        return pages.code(row.act)

    @admin.display(description="Who")
    def by(self, row: Any) -> str:
        return row.by_name or pages.badge("not disclosed", pages.QUIET)

    @admin.display(description="Outcome")
    def outcome_shown(self, row: Entry) -> str:
        return pages.state(row.outcome, _OUTCOMES)

    @admin.display(description="Object")
    def object_shown(self, row: Entry) -> str:
        return pages.beside(pages.words(row.object_type), pages.short(row.object_id) if row.object_id else "")

    @admin.display(description="Kind")
    def kind(self, row: Entry) -> str:
        return row.cls

    def parts(self, request: HttpRequest, row: Entry) -> Sequence[Part]:
        view = publish.read_entry(row.organisation_id, row.id)
        if view is None:
            return [Words("Not in the tree yet", "The sequencer gives this entry its place within seconds.")]
        leaf_bytes = Words(
            "Leaf", view.data.decode(), "The bytes that are hashed, as they stand in the tree.", is_code=True
        )
        return [_what_happened(request, view), _disclosed(request, view), _place(row, view), leaf_bytes]


def _what_happened(request: HttpRequest, view: entries.EntryView) -> Facts:
    found = view.leaf
    same_object = f"../../?q={found.object_id}" if found.object_id else ""
    by = view.value("actor")
    rows: list[tuple[str, object]] = [
        ("When", pages.moment(found.at)),
        ("Event", pages.code(found.act)),
        ("Outcome", pages.state(found.out, _OUTCOMES)),
        ("Who", who(request, by) if isinstance(by, str) else "not disclosed"),
        ("Kind", found.cls),
        ("Object", f"{pages.words(found.object_type)} {found.object_id or ''}"),
        ("All about this object", pages.link("Show its entries", same_object) if same_object else ""),
        ("Caused by", pages.to("audit_entry", found.cause, "this entry") if found.cause else ""),
    ]
    rows += [(f"Why: {pages.words(name)}", value) for name, value in sorted(found.why.items())]
    rows += [(pages.words(name).capitalize(), value) for name, value in sorted(found.what.items())]
    return Facts("What happened", rows)


def _disclosed(request: HttpRequest, view: entries.EntryView) -> Table:
    rows: list[list[object]] = []
    for field in view.fields:
        badge = pages.state(field.state.value, _FIELDS)
        if field.state is entries.FieldState.ERASED:
            told: object = f"erased at leaf {field.erased_at}" if field.erased_at is not None else "erased"
        else:
            told = _told(field.value)
        rows.append([field.name or pages.code(field.digest[:12] + "…"), badge, told])
    return Table(
        "What identifies",
        ["Field", "State", "Value"],
        rows,
        "Salted fields: the leaf holds their digests only, so they can be erased and every proof still verifies.",
        "This entry has no such field.",
    )


def _told(value: object) -> object:
    return value if isinstance(value, str | int | None) else json.dumps(value, ensure_ascii=False)


def _place(row: Entry, view: entries.EntryView) -> Facts:
    return Facts(
        "In the tree",
        [
            ("Leaf", f"{view.index:,}"),
            ("Leaf hash", pages.code(bytes(row.leaf_hash).hex())),
            ("Entry", pages.code(row.id)),
        ],
    )


def _actor_in(data: bytes, opened: dict[str, str | None]) -> str:
    try:
        digests = leaf.Leaf.parse(data).digests
        known = [canonical.parse_disclosure(text) for digest in digests if (text := opened.get(digest))]
    except FormatError:
        return ""
    return next((str(field.value) for field in known if field.name == "actor"), "")


def figures(request: HttpRequest) -> list[Figure]:
    """What the overview says about the log: how much is signed, and since when."""
    actor = actor_of(request)
    if not access.may(actor, "log.read"):
        return []
    url = reverse("admin:audit_entry_changelist")
    head = publish.latest_checkpoint(actor.organisation_id)
    if head is None:
        return [Figure("Log", "not signed yet", "the first checkpoint comes within seconds", url, pages.WAITING)]
    age = timezone.now() - head.signed_at
    is_behind = _is_behind(actor.organisation_id, head.signed_at)
    text = pages.beside("entries; signed", pages.moment(head.signed_at))
    return [Figure("Signed log", f"{head.size:,}", text, url, pages.BAD if is_behind and age > _FRESH else pages.GOOD)]


def _is_behind(organisation_id: UUID, signed_at: datetime) -> bool:
    """Whether an entry is older than the last signature by long: a quiet log is signed when something happens."""
    newest = entries.rows(organisation_id).order_by("-id").values_list("recorded_at", flat=True)
    found = newest.first()
    return found is not None and found > signed_at

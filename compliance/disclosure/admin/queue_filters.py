"""How the queue is narrowed on its page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import pages
from accounts.console import actor_of
from compliance.disclosure import access, queue
from compliance.disclosure.models import Finding


class StateFilter(admin.SimpleListFilter):
    """Open findings are what the queue is for."""

    title = "state"
    parameter_name = "show"
    _others = (("overdue", "Overdue"), ("waived", "Waived"), ("resolved", "Resolved"))

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self._others)

    def choices(self, changelist: Any) -> Iterator[Any]:
        names = {name for _, name in self._others}
        for choice in super().choices(changelist):
            yield choice if choice["display"] in names else {**choice, "display": "Open"}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Finding]) -> QuerySet[Finding]:
        if self.value() == "overdue":
            return queue.overdue(queryset)
        return queryset.filter(state=self.value() if self.value() in Finding.State.values else queue.OPEN)


class WhoseFilter(admin.SimpleListFilter):
    title = "whose"
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("mine", "Mine"), ("nobody", "Unassigned")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Finding]) -> QuerySet[Finding]:
        if self.value() is None:
            return queryset
        return queue.assigned(queryset, actor_of(request).reference if self.value() == "mine" else "")


class ReasonFilter(admin.SimpleListFilter):
    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = access.findings(actor_of(request).organisation_id).order_by("reason")
        return [(reason, pages.words(reason)) for reason in rows.values_list("reason", flat=True).distinct()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Finding]) -> QuerySet[Finding]:
        return queryset.filter(reason=self.value()) if self.value() else queryset

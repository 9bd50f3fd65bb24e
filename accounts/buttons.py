"""Buttons of the console: each asks on a page of its own, says what will happen, and then calls one operation.

A page and not a pop-up, and POST and not a link: it works without scripts and from the keyboard, and nobody can be led
into it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.enums import ActionVariant

from accounts import access
from accounts.actors import Actor
from accounts.pages import Part

if TYPE_CHECKING:
    from accounts.console import ScopedAdmin


class Question(forms.Form):
    """What an operation needs to be told. Without fields it is a confirmation."""

    required_css_class = "cw-required"

    def __init__(self, *args: Any, row: Any = None, actor: Actor | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.row, self.actor = row, actor
        for field in self.fields.values():
            if isinstance(field.widget, forms.Textarea) and field.widget.attrs.get("rows") == "10":
                field.widget.attrs["rows"] = "4"  # the framework's ten fill a small screen

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the fields hold at first."""
        return {}


@dataclass(frozen=True, slots=True)
class Button:
    """A button's words, the right it needs, and the rows that it is for."""

    right: str
    title: str
    text: str
    done: str
    form: type[Question]
    submit: str
    is_dangerous: bool
    fits: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Show:
    """An answer that is a page of its own instead of a way back: what was opened, or is shown once."""

    title: str
    parts: list[Part]


Act = Callable[..., object]
"""`(self, actor, row, data)`: what a button does."""


def button(
    right: str,
    title: str,
    *,
    text: str,
    done: str = "Done.",
    form: type[Question] = Question,
    submit: str = "",
    icon: str | None = None,
    is_dangerous: bool = False,
    fits: Callable[[Any], bool] = lambda row: True,
) -> Callable[[Act], Callable[..., HttpResponseBase]]:
    """Make a method `(self, actor, row, data)` a button of its page (or of the list: then `row` is None).

    The method calls one operation. A sentence that it returns is shown instead of `done`; a row of the same kind is
    where the way leads; `Show` and whole answers (downloads) are given as they are.
    """
    spec = Button(right, title, text, done, form, submit or title, is_dangerous, fits)

    def decorate(act: Act) -> Callable[..., HttpResponseBase]:
        @wraps(act)
        def view(self: ScopedAdmin, request: HttpRequest, object_id: str | None = None) -> HttpResponseBase:
            return _view(self, request, object_id, spec, act)

        made: Any = view
        made.button = spec
        made.short_description = title
        made.url_path = act.__name__.replace("_", "-")
        made.icon = icon
        made.variant = ActionVariant.DANGER if is_dangerous else ActionVariant.DEFAULT
        made.attrs = {}
        return view

    return decorate


def _view(admin: ScopedAdmin, request: HttpRequest, object_id: str | None, spec: Button, act: Act) -> HttpResponseBase:
    actor: Actor = admin.actor(request)
    if not admin.has_view_permission(request) or not access.may(actor, spec.right):
        raise PermissionDenied
    row = admin.get_object(request, object_id) if object_id else None
    if object_id and row is None:
        raise Http404
    if request.method != "POST":
        form = spec.form(initial=spec.form.initial_from(request, row), row=row, actor=actor)
        return _page(admin, request, row, spec, form)
    form = spec.form(request.POST, request.FILES, row=row, actor=actor)
    if not form.is_valid():
        return _page(admin, request, row, spec, form, status=400)
    result: object = None

    def operation() -> object:
        nonlocal result
        result = act(admin, actor, row, form.cleaned_data)
        return result

    refusal = admin.attempt(request, spec.done, operation)
    if refusal is not None:
        for name, texts in refusal.errors.items():
            form.add_error(name if name in form.fields else None, texts)
        return _page(admin, request, row, spec, form, status=refusal.status)
    return _answer(admin, request, row, result)


def _answer(admin: ScopedAdmin, request: HttpRequest, row: Any, result: object) -> HttpResponseBase:
    if isinstance(result, HttpResponseBase):
        return result
    if isinstance(result, Show):
        context = admin.page_context(request, row, result.title) | {"parts": result.parts, "back": _back(admin, row)}
        response: HttpResponse = TemplateResponse(request, "console/shown.html", context)
        response["Cache-Control"] = "private, no-store"
        return response
    return redirect(_back(admin, result if isinstance(result, admin.model) else row))


def _page(
    admin: ScopedAdmin, request: HttpRequest, row: Any, spec: Button, form: Question, status: int = 200
) -> HttpResponse:
    context = admin.page_context(request, row, spec.title) | {"button": spec, "form": form, "back": _back(admin, row)}
    return TemplateResponse(request, "console/ask.html", context, status=status)


def _back(admin: ScopedAdmin, row: Any) -> str:
    if row is None:
        return reverse(admin.url_name("changelist"))
    return reverse(admin.url_name("change"), args=[row.pk])

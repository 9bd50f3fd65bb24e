"""The console's ground: one organisation at a time, read-only lists, and buttons that call operations.

Every page runs inside its actor's organisation and transaction; nothing here saves a model, and the framework's own log
is silent: the audit log is the only one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar, cast
from urllib.parse import urlencode

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_update
from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.db import models
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.dataclasses import UnfoldAction
from unfold.paginator import InfinitePaginator
from unfold.sites import UnfoldAdminSite
from unfold.views import ChangeList

from accounts import access, authentication, pages, tenancy
from accounts.actors import Actor
from accounts.errors import Refusal
from accounts.models import Organisation
from accounts.naming import Names
from accounts.pages import Part

# The console's framework evaluates its attributes; the pages of our own run under the strict policy of the settings.
_POLICY = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}


def member_of(request: HttpRequest) -> Actor | None:
    """The member behind a request, asked for once."""
    known = request.__dict__
    if "actor" not in known:
        known["actor"] = authentication.actor_of_session(request)
    return cast("Actor | None", known["actor"])


def actor_of(request: HttpRequest) -> Actor:
    """The member behind a console page."""
    return cast(Actor, member_of(request))


def organisation_of(request: HttpRequest) -> Organisation:
    """The organisation whose page this is."""
    known = request.__dict__
    if "organisation" not in known:
        known["organisation"] = Organisation.objects.get(id=actor_of(request).organisation_id)
    return cast(Organisation, known["organisation"])


def own_organisation(request: HttpRequest) -> models.QuerySet[Organisation]:
    """The same as rows, for a list."""
    return Organisation.objects.filter(id=actor_of(request).organisation_id)


def who(request: HttpRequest, reference: str) -> str:
    """The name behind an actor's reference."""
    names = request.__dict__.setdefault("names", Names(actor_of(request).organisation_id))
    return cast(Names, names).of(reference)


def signed(request: HttpRequest, when: datetime | None, reference: str) -> SafeString | str:
    """When and by whom; nothing while it has not happened."""
    return pages.beside(pages.moment(when), f"by {who(request, reference)}") if when else ""


class Console(UnfoldAdminSite):  # type: ignore[misc]
    """The admin site, for members of an organisation."""

    site_title = site_header = "Callwarden"
    index_title = "Overview"
    index_template = "console/overview.html"
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        return member_of(request) is not None

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Sign-in is allauth's: one place for passwords, second factors and single sign-on."""
        return redirect(f"{reverse('account_login')}?{urlencode({'next': request.GET.get('next', '/admin/')})}")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Sign-out asks once, where sign-in is."""
        return redirect("account_logout")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return redirect("account_change_password")

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """Run each page inside its actor's scope and zone, rendered before the scope ends."""
        inner = super().admin_view(view, cacheable)

        def scoped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            actor = member_of(request)
            if actor is None:
                return cast(HttpResponseBase, inner(request, *args, **kwargs))
            with tenancy.scope(actor.organisation_id), timezone.override(organisation_of(request).time_zone):
                response = inner(request, *args, **kwargs)
                if isinstance(response, TemplateResponse):
                    response.render()
                    _mark_main(response)
            return cast(HttpResponseBase, response)

        return csp_update(_POLICY)(scoped)


def _mark_main(response: TemplateResponse) -> None:
    """The framework's pages name no main part, which screen readers jump to."""
    response.content = response.content.replace(b'<div id="main"', b'<div id="main" role="main"', 1)


class DressedList(ChangeList):  # type: ignore[misc]
    """A page of rows, loaded at once, so that what belongs to them is fetched in one query and not row by row."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list: list[Any] = list(self.result_list)
        self.model_admin.dress(request, self.result_list)


class ScopedAdmin(ModelAdmin):  # type: ignore[misc]
    """A list and a page of facts of one kind of row. Changes happen by buttons (`accounts.buttons`)."""

    read_action: ClassVar[str] = ""  # the right that opens this list, from accounts.access
    title: ClassVar[str] = ""  # what the list is called
    intro: ClassVar[str] = ""  # one sentence above it
    empty: ClassVar[str] = "There is nothing here yet."
    actions = None
    list_per_page = 50
    paginator = InfinitePaginator  # no COUNT over everything
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # nor by each filter
    list_fullwidth = True
    change_list_template = "console/list.html"
    change_form_template = "console/page.html"

    # --- what a room says -------------------------------------------------------------------------

    def name_of(self, row: Any) -> str:
        """What a row is called in headings."""
        return str(row)

    def parts(self, request: HttpRequest, row: Any) -> Sequence[Part]:
        """What stands on a row's page."""
        return ()

    def dress(self, request: HttpRequest, rows: list[Any]) -> None:
        """Put on a list's rows what their columns show beside their own fields; one query for all."""

    # --- how it is shown --------------------------------------------------------------------------

    def actor(self, request: HttpRequest) -> Actor:
        return actor_of(request)

    def url_name(self, page: str) -> str:
        """The name of this list's (`changelist`) or a row's (`change`) address."""
        return f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}"

    def page_context(self, request: HttpRequest, row: Any, title: str) -> dict[str, Any]:
        """What every page of this admin is rendered with."""
        trail = [(self.title, reverse(self.url_name("changelist")))]
        if row is not None:
            trail.append((self.name_of(row), reverse(self.url_name("change"), args=[row.pk])))
        request.__dict__["trail"] = [*trail, (title, "")] if title else trail
        return {**self.admin_site.each_context(request), "title": title or trail[-1][0]}

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows = self.model.objects.for_organisation(actor_of(request).organisation_id)
        return cast("models.QuerySet[Any]", rows)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row, loaded once a request."""
        rows = request.__dict__.setdefault("console_rows", {})
        key = (self.model, object_id)
        if key not in rows:
            rows[key] = super().get_object(request, object_id, from_field)
        return rows[key]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        request.__dict__["trail"] = [(self.title, "")]
        return super().changelist_view(request, {"title": self.title, "intro": self.intro, **(extra_context or {})})

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        row = self.get_object(request, unquote(object_id)) if object_id else None
        extra = dict(extra_context or {})
        if row is not None and request.method == "GET" and self.has_view_permission(request, row):
            extra |= self.page_context(request, row, "") | {"parts": self.parts(request, row)}
        return super().changeform_view(request, object_id, form_url, extra)

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[DressedList]:
        return DressedList

    def get_fieldsets(self, request: HttpRequest, obj: object | None = None) -> list[Any]:
        return []  # a page is made of parts, not of form fields

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        row = self.get_object(request, unquote(str(object_id)))
        return [made for made in self._get_base_actions_detail() if self._offers(request, made, row)]

    def get_actions_list(self, request: HttpRequest) -> list[UnfoldAction]:
        return [made for made in self._get_base_actions_list() if self._offers(request, made, None)]

    def _offers(self, request: HttpRequest, made: UnfoldAction, row: Any) -> bool:
        """A button is shown to those who may press it, where pressing it makes sense."""
        spec = made.method.button
        return access.may(actor_of(request), spec.right) and (row is None or spec.fits(row))

    # --- who may ----------------------------------------------------------------------------------

    def has_view_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        actor = member_of(request)
        return actor is not None and bool(self.read_action) and access.may(actor, self.read_action)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False

    def log_addition(self, *args: Any, **kwargs: Any) -> None:
        """The audit log is the only log."""

    log_change = log_deletions = log_addition

    def attempt(self, request: HttpRequest, done: str, operation: Callable[[], object]) -> Refusal | None:
        """Call an operation for a button. A refusal becomes a message, changes nothing, and is returned.

        A sentence that the operation returns is said instead of `done`.
        """
        try:
            result = operation()
        except Refusal as refusal:
            self.message_user(request, refusal.message, messages.ERROR)
            return refusal
        sentence = result if isinstance(result, str) else done
        if isinstance(result, models.Model | str) or result is None:
            self.message_user(request, sentence, messages.SUCCESS)
        return None

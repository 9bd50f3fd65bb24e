"""The page behind a package's link: ask for a code, give it, get the file."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import authentication
from compliance.dsr.downloads import stream_package
from compliance.dsr.operations import delivering
from compliance.errors import Refusal


@never_cache
@require_http_methods(["GET", "POST"])
def package(request: HttpRequest, token: str) -> HttpResponse | StreamingHttpResponse:
    """A link alone opens nothing; a code that is sent to the proven address does."""
    origin = authentication.origin_of(request)
    try:
        delivering.package_behind(token)
        if request.method == "GET":
            return _page(request)
        if "code" not in request.POST:
            delivering.send_package_code(token=token, origin=origin)
            return _page(request, is_sent=True)
        opened = delivering.open_package(token=token, code=request.POST["code"], origin=origin)
    except Refusal as refusal:
        return _page(request, error=refusal.message, status=refusal.status)
    if opened is None:
        return _page(request, is_sent=True, error="This code is not valid.", status=400)
    return stream_package(opened)


def _page(request: HttpRequest, *, is_sent: bool = False, error: str = "", status: int = 200) -> HttpResponse:
    context = {"is_sent": is_sent, "error": error, "is_open": status in {200, 400, 409}}
    return render(request, "dsr/package_page.html", context, status=status)


urlpatterns = [path("packages/<str:token>", package, name="package")]

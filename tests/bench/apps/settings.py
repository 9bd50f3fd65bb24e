"""The product's settings, with the compared packages and this app beside its own."""

from __future__ import annotations

from compliance.config.settings import *  # noqa: F403
from compliance.config.settings import INSTALLED_APPS as PRODUCT_APPS

INSTALLED_APPS = [*PRODUCT_APPS, "auditlog", "pgtrigger", "pghistory", "tests.bench.apps.apps.BenchConfig"]
ROOT_URLCONF = "tests.bench.apps.urls"
AUDITLOG_INCLUDE_TRACKING_MODELS = ("bench.WatchedByAuditlog",)

"""Start-up of the whole: the worker application knows its broker, and no process of ours leaves its memory on a
disk.
"""

from __future__ import annotations

import resource

from django.apps import AppConfig
from django.conf import settings

from compliance.config.celery import app


class ConfigConfig(AppConfig):
    name = "compliance.config"
    label = "config"

    def ready(self) -> None:
        app.conf.update(broker_url=settings.BROKER_URL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold keys

"""The WSGI application (gunicorn with threads; streaming under ASGI was measured to drain whole files into memory)."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.config.settings")

application = get_wsgi_application()

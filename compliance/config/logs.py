"""Log lines as JSON, without personal data: no addresses, no bodies, no query strings, no messages of exceptions."""

from __future__ import annotations

import logging
import logging.config
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

from accounts.errors import places_of

_FORBIDDEN = frozenset(
    {
        "ip",
        "user_agent",
        "email",
        "phone",
        "name",
        "body",
        "url",
        "query",
        "authorization",
        "token",
        "secret",
        "password",
    }
)


def _redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in event.keys() & _FORBIDDEN:
        event[key] = "[redacted]"
    return event


def _reduce_error(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception as its type and places; its message may quote a row, a body or an address."""
    found = event.pop("exc_info", None)
    error = found[1] if isinstance(found, tuple) else found if isinstance(found, BaseException) else sys.exc_info()[1]
    if found and error is not None:
        event["error"] = type(error).__name__
        event["at"] = places_of(error)
    if event.get("logger") == "celery.app.trace" and error is not None:
        event["event"] = "task.failed"  # its own words quote the exception
    return event


def _drop_path(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Django's lines about refused and failed requests quote path or host, and paths of links and webhooks hold
    tokens.
    """
    if str(event.get("logger")).startswith(("django.request", "django.security")):
        event["event"] = str(event["event"]).partition(":")[0]
    return event


def configure(*, level: str, plain: bool = False) -> None:
    """Set up standard logging and structlog with one output."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _reduce_error,
        _drop_path,
        _redact,
    ]
    logging.captureWarnings(not plain)
    renderer = structlog.dev.ConsoleRenderer(colors=False) if plain else structlog.processors.JSONRenderer()
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                    "foreign_pre_chain": shared,
                }
            },
            "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["out"], "level": level},
            "loggers": {
                "django.request": {"level": "ERROR"},
                "django.server": {"level": "ERROR"},
                "httpx": {"level": "WARNING"},
                "httpcore": {"level": "WARNING"},
                "botocore": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
            },
        }
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=not plain,
    )

"""Workers and the clock. Tasks carry ids only; the rows in Postgres are the truth."""

from __future__ import annotations

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.config.settings")

app = Celery("callwarden")
app.config_from_object(
    {
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_create_missing_queues": True,
        "worker_hijack_root_logger": False,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {
            "visibility_timeout": 900,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_timeout": 10,
            "socket_connect_timeout": 3,
        },
        "beat_schedule": {
            "ring what is due": {"task": "jobs.ring_overdue", "schedule": 5.0},
            "what is due by schedule": {"task": "retention.sweep", "schedule": 3600.0},
            "debts that are too old": {"task": "retention.watch_debt", "schedule": 3600.0},
            "files of old requests": {"task": "dsr.sweep", "schedule": crontab(hour=3, minute=5)},
            "links whose time is over": {"task": "recordings.withdraw_expired_links", "schedule": 3600.0},
            "outside checks that nobody fetched": {"task": "recordings.expire_outside_checks", "schedule": 3600.0},
            "recordings that platforms delete soon": {
                "task": "recordings.watch_expiry",
                "schedule": crontab(minute=25),
            },
            "words that today's method has not looked through": {
                "task": "recordings.check_insights",
                "schedule": 1800.0,
            },
            "search indexes that a crash has emptied": {"task": "recordings.check_search", "schedule": 300.0},
            "keys of past days": {"task": "intake.retire_delivery_keys", "schedule": crontab(hour=1, minute=40)},
            "calls of the last two days": {"task": "intake.poll_recent", "schedule": crontab(minute=20)},
            "calls of the last two weeks": {"task": "intake.poll_far", "schedule": crontab(hour=4, minute=35)},
            "agents and their prompts": {"task": "intake.ask_for_all_agents", "schedule": crontab(hour=4, minute=5)},
            "batches against their totals": {"task": "intake.check_batches", "schedule": crontab(hour=4, minute=10)},
            "connections that need attention": {"task": "connectors.check_health", "schedule": crontab(minute=25)},
            "store and platforms against the register": {
                "task": "reconciliation.sweep",
                "schedule": crontab(hour=4, minute=20),
            },
            "audits under new rules": {"task": "disclosure.sweep", "schedule": crontab(hour=2, minute=15)},
            "waivers whose last day is over": {"task": "disclosure.expire_waivers", "schedule": crontab(minute=5)},
            "webhooks that wait without a job": {"task": "outlet.sweep", "schedule": 300.0},
            "webhooks of past months": {"task": "outlet.prune", "schedule": crontab(hour=3, minute=25)},
            "old idempotency keys": {"task": "accounts.forget_idempotency_keys", "schedule": crontab(minute=40)},
        },
    }
)
app.autodiscover_tasks(related_name="tasks")
app.set_default()
app.set_current()

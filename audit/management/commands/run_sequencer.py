"""manage.py run_sequencer: turns the inbox into the log, for as long as it runs."""

import gc
import signal
import threading
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand

from audit import publish, signing
from audit.tasks import Service


def _pause(stop: threading.Event) -> Callable[[float], None]:
    """Sleeps that a signal cuts short."""

    def pause(seconds: float) -> None:
        stop.wait(seconds)

    return pause


class Command(BaseCommand):
    requires_system_checks = ()  # the log goes on while a page is broken
    help = "Sequences the audit log's inbox, signs checkpoints and destroys old inbox keys. Ends on SIGTERM or Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="sequence and publish what is there, then end")

    def handle(self, *args: Any, **options: Any) -> None:
        signing.ensure_signing_key()
        if options["once"]:
            while publish.sequence_once():
                pass
            publish.publish_checkpoints()
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        # What start-up left behind lives as long as the process; batches make many objects that die young.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        Service(stop.is_set, _pause(stop)).run()

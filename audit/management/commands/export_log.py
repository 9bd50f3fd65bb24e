"""manage.py export_log: one organisation's log as files that `python -m audit.verify` checks anywhere."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from accounts import tenancy
from accounts.actors import Actor
from audit import events, export, log, publish
from audit.tree import ROOT_LOG_ID


class Command(BaseCommand):
    help = "Writes an organisation's audit log to a new directory or .tar file, and says with which key to verify it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="a directory that is new or empty, or a new file that ends in .tar")
        parser.add_argument("--organisation", type=UUID, required=True)
        parser.add_argument("--with-disclosures", action="store_true", help="also everything that can be disclosed")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation_id, path, with_disclosures = options["organisation"], options["path"], options["with_disclosures"]
        actor = Actor.system(organisation_id)
        try:
            target: export.Target = export.Tar(path) if path.suffix == ".tar" else export.Folder(path)
            with tenancy.operation(actor):
                log.append(
                    actor=actor,
                    event=events.EXPORT_WRITTEN,
                    organisation_id=organisation_id,
                    obj=("log", organisation_id),
                    cls=log.EntryClass.ACCESS,
                    what={"with_disclosures": with_disclosures},
                )
            with tenancy.scope(organisation_id):
                size = export.export_log(organisation_id, target, with_disclosures=with_disclosures)
        except (export.NothingToExport, FileExistsError) as error:
            raise CommandError(str(error)) from error
        keys = " ".join(f"--key {key.vkey}" for key in publish.verifier_keys(organisation_id))
        roots = " ".join(f"--root-key {key.vkey}" for key in publish.verifier_keys(ROOT_LOG_ID))
        self.stdout.write(f"{size} entries. To verify: python -m audit.verify {path} {keys} {roots}")

"""``manage.py import_logs``: give an operator something real to learn from."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.selectors import operator_named
from core.problems import Problem
from core.tenancy import operator_scope
from training.logs.catalogue import LogUnusable
from training.logs.imports import IMPORTS


class Command(BaseCommand):
    """Import a published log."""

    help = (
        "Import one of the two logs that packages carry, mapped onto an operator's catalogue, and print its licence"
        " notice. For files of your own see import_ratings, import_ctr and import_open_bandit."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("log", choices=sorted(IMPORTS))
        parser.add_argument("--operator", required=True, help="slug of the operator")
        parser.add_argument("--source", required=True, type=Path, help="folder of the unpacked package that carries it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import it; a second import adds nothing."""
        operator = operator_named(options["operator"])
        if operator is None:
            raise CommandError(f"There is no operator with the slug {options['operator']!r}.")
        run, notice = IMPORTS[options["log"]]
        self.stdout.write(notice)
        try:
            with operator_scope(operator.id):
                imported = run(operator_id=operator.id, source=Path(options["source"]))
        except LogUnusable as error:
            raise CommandError(str(error)) from error
        except Problem as error:
            raise CommandError(error.detail) from error
        for part in imported:
            self.stdout.write(f"{part.source}: {part.mapped} lines mapped, {part.added} of them new.")

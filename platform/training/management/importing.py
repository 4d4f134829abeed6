"""What the commands that import a log share: their options, their progress, and how they tell what came of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.selectors import operator_named
from core.problems import Problem
from core.tenancy import operator_scope
from training.logs.catalogue import LogUnusable
from training.logs.imports import Imported, Order
from training.logs.table import Layout

LONGEST_SOURCE = 60


class ImportCommand(BaseCommand):
    """Imports one log for one operator: all of its lines or none, and none twice."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments every importer has."""
        parser.add_argument("--operator", required=True, help="slug of the operator")
        parser.add_argument("--source", default="", help="name to keep the lines under (by default made of the file's)")
        parser.add_argument(
            "--category", default="", help="map items onto creatives of this category, e.g. movies; by default onto all"
        )
        parser.add_argument(
            "--venues",
            default="",
            help="map lines onto screens at venues of this category; by default onto all",
        )
        parser.add_argument("--dry-run", action="store_true", help="read, map and count everything; keep nothing")
        parser.add_argument(
            "--skip-bad-lines", action="store_true", help="leave out lines that cannot be read instead of refusing all"
        )

    def add_layout(self, parser: CommandParser, roles: str) -> None:
        """Declare the arguments of an importer that reads a table."""
        parser.add_argument("--columns", default="", help=f"which heading plays which role, {roles}")
        parser.add_argument("--headings", default="", help="names of the columns, for a file without a line of them")
        parser.add_argument("--delimiter", default="", help=r"between fields (\t for a tab); by default found out")

    @contextmanager
    def order(self, options: dict[str, Any], source: str) -> Iterator[Order]:
        """Enter the operator's scope and say what is to be imported; errors end the command with their message."""
        operator = operator_named(options["operator"])
        if operator is None:
            raise CommandError(f"There is no operator with the slug {options['operator']!r}.")
        try:
            with operator_scope(operator.id):
                yield Order(
                    operator.id, (options["source"] or source)[:LONGEST_SOURCE], options["category"],
                    options["venues"], tolerant=options["skip_bad_lines"], rehearse=options["dry_run"],
                )  # fmt: skip
        except LogUnusable as error:
            raise CommandError(str(error)) from error
        except Problem as error:
            raise CommandError(error.detail) from error

    def progress(self) -> Callable[[int], None]:
        """Return what tells how many lines were read: one line that changes on a terminal, else one for each group."""
        ending = "\r" if self.stderr.isatty() else "\n"
        return lambda rows: self.stderr.write(f"{rows:,} lines read", ending=ending)

    def tell(self, imported: Imported, *, rehearsed: bool) -> None:
        """Say what came of one source."""
        self.stdout.write(f"{imported.source}: {imported.mapped} lines mapped, {imported.added} of them new.")
        if imported.faults is not None and imported.faults.count:
            self.stdout.write(f"{imported.faults.count} lines left out:\n{imported.faults.document()}")
        if rehearsed:
            self.stdout.write("This was a dry run: nothing was kept.")


def layout_of(options: dict[str, Any]) -> Layout:
    """Return how the table is written, as the options say.

    Raises:
        CommandError: ``--columns`` is not of the form ``role=heading,role=heading``.
    """
    columns = dict[str, str]()
    for pair in filter(None, options["columns"].split(",")):
        role, separator, heading = pair.partition("=")
        if not (separator and role.strip() and heading.strip()):
            raise CommandError(f"--columns holds {pair!r}; expected role=heading,role=heading.")
        columns[role.strip()] = heading.strip()
    headings = tuple(name.strip() for name in options["headings"].split(",")) if options["headings"] else ()
    return Layout(options["delimiter"].replace("\\t", "\t"), headings, columns)

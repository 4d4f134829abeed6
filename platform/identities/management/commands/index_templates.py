"""``manage.py index_templates``: search indexes in the database for galleries that are too large for memory."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.selectors import operator_named
from identities.services.search_index import INDEX_FROM, index_galleries


class Command(BaseCommand):
    """Index an operator's large galleries."""

    help = "Give an operator's large galleries their search index in the database. Run it again after a crash."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("operator", help="slug of the operator")
        parser.add_argument("--from", type=int, default=INDEX_FROM, dest="index_from", help="templates of a gallery")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the indexes, and say which."""
        operator = operator_named(options["operator"])
        if operator is None:
            raise CommandError(f"There is no operator with the slug {options['operator']!r}.")
        made = index_galleries(operator_id=operator.id, index_from=options["index_from"])
        for name in made:
            self.stdout.write(f"{name} is ready.")
        if not made:
            self.stdout.write("Nothing to do.")

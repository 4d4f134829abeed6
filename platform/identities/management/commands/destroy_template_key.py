"""``manage.py destroy_template_key``: close an operator, so that no copy of its templates is of any use."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.selectors import operator_named
from identities import services


class Command(BaseCommand):
    """Destroy an operator's keys."""

    help = "Destroy every key of an operator for good and delete the templates. Nothing brings them back."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("operator", help="slug of the operator")
        parser.add_argument("--confirm", metavar="SLUG", help="the slug once more, instead of being asked")

    def handle(self, *args: Any, **options: Any) -> None:
        """Destroy the keys once the slug was typed again."""
        operator = operator_named(options["operator"])
        if operator is None:
            raise CommandError(f"There is no operator with the slug {options['operator']!r}.")
        confirmed = options["confirm"] or input(
            f"This ends recognition for {operator.name} for good. Type {operator.slug} to go on: "
        )
        if confirmed != operator.slug:
            raise CommandError("That is not the operator's slug. Nothing was changed.")
        deleted = services.destroy_keys(operator_id=operator.id, actor="manage.py destroy_template_key")
        self.stdout.write(
            f"The keys of {operator.slug} are destroyed and {deleted} templates deleted."
            " Destroy the copies in the backup of the key files as well."
        )

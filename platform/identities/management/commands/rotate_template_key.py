"""``manage.py rotate_template_key``: a new key for an operator's templates, without anybody enrolling again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.selectors import operator_named
from core.problems import Problem
from identities import services


class Command(BaseCommand):
    """Rotate an operator's key."""

    help = "Carry an operator's templates over to a new key and destroy the old one. Run it again after a crash."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("operator", help="slug of the operator")

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate, and say what took whose place."""
        operator = operator_named(options["operator"])
        if operator is None:
            raise CommandError(f"There is no operator with the slug {options['operator']!r}.")
        try:
            rotated = services.rotate(operator_id=operator.id, actor="manage.py rotate_template_key")
        except Problem as error:
            raise CommandError(error.detail) from error
        for one in rotated:
            self.stdout.write(f"{one.before} -> {one.after}: {one.templates} templates. The old key is destroyed.")

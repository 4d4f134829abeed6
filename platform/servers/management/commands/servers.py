"""``manage.py servers up|down|status|exec``: the embedded PostgreSQL and Valkey."""

import sys
from argparse import Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from servers import cli


class Command(BaseCommand):
    """Door to the launcher's command line."""

    help = "Start, stop, show or use the embedded PostgreSQL and Valkey."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take over the launcher's sub-commands."""
        cli.add_arguments(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the sub-command and end with its exit code."""
        sys.exit(cli.handle(Namespace(**options)))

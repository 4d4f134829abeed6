"""``manage.py import_open_bandit``: learn from the Open Bandit Dataset."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from training.logs import openbandit
from training.logs.imports import import_placements
from training.management.importing import ImportCommand


class Command(ImportCommand):
    """Import placements."""

    help = (
        "Import the Open Bandit Dataset (the unpacked package obp, or the full release), mapped onto an operator's"
        " creatives, with its propensities where they are exact. One source for each policy; all lines of a run are"
        " imported or none, and none twice."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        super().add_arguments(parser)
        parser.add_argument("folder", type=Path, help="holds random/ and bts/, or the package that does")
        parser.add_argument("--campaign", choices=openbandit.CAMPAIGNS, default=openbandit.CAMPAIGN)
        parser.add_argument("--policy", choices=openbandit.POLICIES, help="only this one; by default both")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import it; a second import adds nothing."""
        self.stdout.write(openbandit.NOTICE)
        policies = [options["policy"]] if options["policy"] else openbandit.POLICIES
        campaign, folder, done = options["campaign"], Path(options["folder"]), []
        with self.order(options, "open-bandit") as order:
            for policy in policies:
                source = f"{order.source}/{policy}/{campaign}"
                done.append(import_placements(order.named(source), folder, policy, campaign, tell=self.progress()))
        for imported in done:
            self.tell(imported, rehearsed=order.rehearse)

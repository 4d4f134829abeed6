"""``manage.py demo_loop``: the main job against a running demonstration."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.selectors import operator_named
from demo import loop
from demo.catalogue import OPERATOR_SLUG
from demo.photographs import Photographs
from demo.player import Player, Refused


class Command(BaseCommand):
    """Run the main job as a player would."""

    help = "Pair a player with the demonstration and run recognition, decision and events through the public API."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Describe the options."""
        parser.add_argument("--url", default=settings.BASE_URL)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run it."""
        operator = operator_named(OPERATOR_SLUG)
        if operator is None:
            raise CommandError("The demonstration is not staged; `make demo` does that.")
        try:
            token = loop.pair(
                operator_id=operator.id,
                screen_name="Lobby wall",
                connect=lambda token: Player(url=options["url"], token=token),
            )
            code = loop.code_holder(operator.id)
            with Player(url=options["url"], token=token) as player:
                loop.run(player, Photographs(settings.CARRIERS), code, self.say)
        except (Refused, loop.LoopFailed) as error:
            raise CommandError(str(error)) from error

    def say(self, line: str) -> None:
        """Print one line at once."""
        self.stdout.write(line)
        self.stdout.flush()

"""``manage.py bench``: what Vitrine costs beside the work that cannot be avoided, as one table of ratios."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from servers.errors import ServersError
from servers.launcher import Supervisor


class Command(BaseCommand):
    """Start the servers, stage the demonstration if need be, and measure."""

    help = "Print the table of speeds: ratios taken side by side in one run. Uses the demonstration's model."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the measurement beside embedded servers."""
        manage = [sys.executable, str(settings.ROOT / "manage.py")]
        try:
            with Supervisor() as supervisor:
                supervisor.run("migrate", [*manage, "migrate", "--verbosity", "0"])
                supervisor.run("stage", [*manage, "demo_stage"])
                supervisor.run("measure", [*manage, "bench_measure"])
        except ServersError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("Stopped")

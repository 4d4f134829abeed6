"""``manage.py serve``: web, workers and beat against the servers named by DATABASE_URL and REDIS_URL."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from servers.errors import ServersError
from servers.processes import beat, trainer, web, worker
from servers.services import Services
from servers.state import open_state


class Command(BaseCommand):
    """Serve until Ctrl-C."""

    help = "Serve Vitrine (web, worker, trainer, beat) against DATABASE_URL and REDIS_URL until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Describe the options."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--web-only", action="store_true", help="no worker, trainer and beat")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start the processes and keep them running."""
        missing = [name for name in ("DATABASE_URL", "REDIS_URL") if not os.environ.get(name)]
        if missing:
            raise CommandError(f"Set {' and '.join(missing)}; `make demo` brings servers of its own.")
        state = open_state()
        commands = [web(options["host"], options["port"])]
        if not options["web_only"]:
            commands += [worker(), trainer(), beat(state.root)]
        try:
            with Services(state) as services:
                for command in commands:
                    services.spawn(command)
                self.stdout.write(f"Vitrine serves at http://{options['host']}:{options['port']}/. Ctrl-C stops it.")
                services.supervise()
        except ServersError as error:
            raise CommandError(str(error)) from error

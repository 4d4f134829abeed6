"""``manage.py demo``: one command from nothing to a screen that knows a consenting face."""

import os
import socket
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from demo.catalogue import MEMBER_EMAIL
from servers.errors import ServersError
from servers.launcher import Supervisor
from servers.processes import beat, trainer, web, worker

HOST = "127.0.0.1"


class Command(BaseCommand):
    """Start everything, show the main job once, serve until Ctrl-C."""

    help = "Run the demonstration: embedded servers, demo operator, training, web, workers, and the main job once."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Describe the options."""
        parser.add_argument("--once", action="store_true", help="stop after the main job")
        parser.add_argument("--port", type=int, default=0, help="default: 8000, or the next free port")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the demonstration."""
        begin = time.monotonic()
        port = options["port"] or _free_port(8000)
        url = f"http://{HOST}:{port}"
        os.environ["VITRINE_URL"] = url
        try:
            with Supervisor() as supervisor:
                self._show(supervisor, url, port, begin, once=options["once"])
        except ServersError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("Stopped")

    def _show(self, supervisor: Supervisor, url: str, port: int, begin: float, *, once: bool) -> None:
        manage = [sys.executable, str(settings.ROOT / "manage.py")]
        supervisor.run("migrate", [*manage, "migrate", "--verbosity", "0"])
        supervisor.run("stage", [*manage, "demo_stage"])
        for command in (web(HOST, port), worker(), trainer(), beat(supervisor.state.root)):
            supervisor.spawn(command)
        supervisor.run("loop", [*manage, "demo_loop", "--url", url])
        password = supervisor.state.secret("demo_password")
        self.stdout.write(
            f"\nUp in {time.monotonic() - begin:.0f} s.\n"
            f"  Console     {url}/          sign in as {MEMBER_EMAIL}, password {password}\n"
            f"  Web player  {url}/player/   shows a code; pair it in the console under Screens\n"
            f"  Kiosk       {url}/kiosk/    pairs the same way\n"
            f"  API         {url}/v1/docs"
        )
        if not once:
            self.stdout.write("Ctrl-C stops everything.")
            self.stdout.flush()
            supervisor.supervise()


def _free_port(first: int) -> int:
    """Return the first port from ``first`` on that nobody listens on."""
    for port in range(first, first + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise CommandError(f"No free port between {first} and {first + 99}; name one with --port.")

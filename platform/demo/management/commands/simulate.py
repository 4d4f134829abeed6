"""``manage.py simulate``: does the platform learn? A simulated audience before and after training, through the API."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
from django.core.management.base import BaseCommand, CommandError
from django.core.wsgi import get_wsgi_application
from django.utils import timezone

import subjects.services
import training.pipeline
import training.selectors
import training.services
from accounts.roles import Scope
from accounts.services import create_operator, issue_api_key
from core.tenancy import operator_scope
from demo import catalogue, loop, stage
from demo.audience import Audience
from demo.comparison import compare
from demo.player import Player, Refused
from demo.simulator import Phase, oracle_rate, register, run

IN_PROCESS = "http://127.0.0.1"


class Command(BaseCommand):
    """Compare the untrained policy with the trained one on the same audience."""

    help = (
        "Let a seeded audience with hidden tastes use the public API before and after training, and print engagement "
        "rates with 95 % intervals. The audience and its moods are the same for the same seed; which creatives the "
        "platform explores is drawn afresh in each run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Describe the options."""
        parser.add_argument("--people", type=int, default=60)
        parser.add_argument("--visits", type=int, default=3000, help="visits in each of the two phases")
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--url", help="drive this running server; by default the application runs in this process")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run both phases and the training between them."""
        try:
            self._simulate(options["people"], options["visits"], options["seed"], options["url"])
        except (Refused, RuntimeError) as error:
            raise CommandError(str(error)) from error

    def _simulate(self, people: int, visits: int, seed: int, url: str | None) -> None:
        audience = Audience(people=people, categories=[work.category for work in catalogue.FILMS], seed=seed)
        self.say(f"A simulated audience of {people} people (a fake; seed {seed}); the platform sees no taste.")
        operator_id = self._operator()
        with stage.step(self.say, f"Registering {people} people by code"), self._kiosk(operator_id, url) as kiosk:
            codes = register(kiosk, audience)
        with self._player(operator_id, url) as player:
            with stage.step(self.say, f"{visits} visits, untrained policy"):
                before = run(player, audience, codes, Phase(1, visits), progress=self.progress())
            with stage.step(self.say, "Training on what happened"):
                self._train(operator_id)
            with stage.step(self.say, f"{visits} visits, trained policy"):
                after = run(player, audience, codes, Phase(2, visits), progress=self.progress())
        result = compare(before, after, seed=seed)
        ceiling = oracle_rate(audience, [work.category for work in catalogue.FILMS])
        self.say(
            f"\nEngagement per play, 95 % intervals by resampling people:\n"
            f"  untrained policy  {result.before}   ({len(before)} plays)\n"
            f"  trained policy    {result.after}   ({len(after)} plays)\n"
            f"  difference        {result.lift}\n"
            f"  (a policy that knew every taste: {ceiling:.3f})"
        )

    def _operator(self) -> UUID:
        stamp = timezone.now().strftime("%Y%m%d-%H%M%S")
        operator = create_operator(name=f"Simulation of {stamp}", slug=f"simulation-{stamp}")
        with stage.step(self.say, "Building a cinema with its catalogue"), operator_scope(operator.id):
            stage.build_places(operator.id)
            stage.build_catalogue(operator.id)
            subjects.services.publish_notice(
                operator_id=operator.id, title=catalogue.NOTICE_TITLE, text=catalogue.NOTICE_TEXT
            )
        return operator.id

    def _kiosk(self, operator_id: UUID, url: str | None) -> Player:
        key = issue_api_key(operator_id=operator_id, name="simulated kiosk", scopes=[Scope.SUBJECTS, Scope.KIOSK])
        return self._client(url, key)

    def _player(self, operator_id: UUID, url: str | None) -> Player:
        token = loop.pair(
            operator_id=operator_id, screen_name="Box office queue", connect=lambda token: self._client(url, token)
        )
        return self._client(url, token)

    def _client(self, url: str | None, token: str) -> Player:
        transport = None if url else httpx.WSGITransport(app=get_wsgi_application())
        return Player(url=url or IN_PROCESS, token=token, transport=transport)

    def _train(self, operator_id: UUID) -> None:
        with operator_scope(operator_id):
            wanted = training.services.request_run(operator_id=operator_id, trigger="demo", actor=stage.ACTOR)
        training.pipeline.run(operator_id=operator_id, run_id=wanted.id, observe=self.observe)
        with operator_scope(operator_id):
            done = training.selectors.get(operator_id=operator_id, run_id=wanted.id)
        if done.state != "succeeded":
            raise CommandError(f"The training ended as {done.state}: {done.reason}")
        if not stage.has_model(operator_id):
            raise CommandError(f"The gate kept the trained model back: {done.metrics}")
        self.say(f"    estimated before it serves: {done.metrics['lift']['sentence']}")

    def observe(self, step: str, done: int, of: int, message: str) -> None:
        """Print one step of the training."""
        self.say(f"    {step} {done} of {of}: {message}")

    def say(self, line: str) -> None:
        """Print one line at once."""
        self.stdout.write(line)
        self.stdout.flush()

    def progress(self) -> Callable[[int, int], None]:
        """Return what prints a line at each tenth of the way."""

        def show(done: int, of: int) -> None:
            if done * 10 // of != (done - 1) * 10 // of:
                self.say(f"    {done} of {of}")

        return show

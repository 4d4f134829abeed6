"""``manage.py demo_stage``: the demonstration's operator, logs and first model; repeats nothing that is there."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

import training.pipeline
import training.selectors
import training.services
from core.tenancy import operator_scope
from demo import stage
from demo.catalogue import OPERATOR_SLUG
from servers.state import open_state


class Command(BaseCommand):
    """Stage the demonstration."""

    help = "Create the demonstration's operator, import the real logs, train and activate the first model."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the steps that are still to do."""
        operator_id = stage.build(password=open_state().secret("demo_password"), say=self.say)
        if stage.has_model(operator_id):  # it learnt from the logs, so they are there
            return
        for log, package in (("movielens", "recbole"), ("openbandit", "obp")):
            with stage.step(self.say, f"Importing the log {log}"):
                call_command("import_logs", log, operator=OPERATOR_SLUG, source=str(settings.CARRIERS / package))
        with stage.step(self.say, "Training ranking networks, exporting to ONNX"):
            self._train(operator_id)

    def _train(self, operator_id: UUID) -> None:
        with operator_scope(operator_id):
            run = training.services.request_run(operator_id=operator_id, trigger="demo", actor=stage.ACTOR)
        training.pipeline.run(operator_id=operator_id, run_id=run.id, observe=self.observe)
        with operator_scope(operator_id):
            run = training.selectors.get(operator_id=operator_id, run_id=run.id)
        if run.state != "succeeded":
            raise CommandError(f"The training failed: {run.reason}")
        if not stage.has_model(operator_id):
            raise CommandError(f"The trained model was not activated: {run.reason or 'see the console under Models'}.")

    def observe(self, step: str, done: int, of: int, message: str) -> None:
        """Print one step of the training."""
        self.say(f"    {step} {done} of {of}: {message}")

    def say(self, line: str) -> None:
        """Print one line at once."""
        self.stdout.write(line)
        self.stdout.flush()

"""``manage.py migrate_recogniser``: move an operator to another recogniser as people are seen again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.selectors import operator_named
from core.problems import Problem
from core.tenancy import operator_scope
from identities import selectors, services

_ACTOR = "manage.py migrate_recogniser"


class Command(BaseCommand):
    """Begin, watch, finish or cancel a move."""

    help = "Move an operator to the recogniser in VITRINE_FACE_MODELS_NEXT, renewing templates as people are seen."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("operator", help="slug of the operator")
        parser.add_argument("step", choices=["start", "status", "finish", "cancel"])
        parser.add_argument(
            "--notice-version", type=int, metavar="N",
            help="first version of the notice that says a template may be renewed (needed to start)",
        )  # fmt: skip
        parser.add_argument("--until", type=datetime.fromisoformat, metavar="DATE", help="when to finish anyhow")
        parser.add_argument("--force", action="store_true", help="finish although people have not been seen yet")

    def handle(self, *args: Any, **options: Any) -> None:
        """Take one step."""
        operator = operator_named(options["operator"])
        if operator is None:
            raise CommandError(f"There is no operator with the slug {options['operator']!r}.")
        try:
            self.stdout.write(self._step(operator.id, options))
        except Problem as error:
            raise CommandError(error.detail) from error

    def _step(self, operator_id: UUID, options: dict[str, Any]) -> str:
        match options["step"]:
            case "start":
                return self._start(operator_id, options["notice_version"], options["until"])
            case "finish":
                ended = services.finish_migration(
                    operator_id=operator_id, actor=_ACTOR, at=timezone.now(), force=options["force"]
                )
                return f"Finished: {ended.moved} people moved, {ended.left_behind} have to enrol again."
            case "cancel":
                services.cancel_migration(operator_id=operator_id, actor=_ACTOR)
                return "Cancelled: the old recogniser goes on alone."
            case _:
                return _status(operator_id)

    def _start(self, operator_id: UUID, notice_version: int | None, until: datetime | None) -> str:
        if notice_version is None:
            raise CommandError("Say with --notice-version which notice first explained that a template may be renewed.")
        due_at = timezone.make_aware(until) if until and timezone.is_naive(until) else until
        name = services.begin_migration(
            operator_id=operator_id, notice_version=notice_version, due_at=due_at, actor=_ACTOR
        )
        return f"Moving to {name}. Whoever is seen again moves along."


def _status(operator_id: UUID) -> str:
    with operator_scope(operator_id):
        move = selectors.move(operator_id=operator_id)
    if move is None:
        return "This operator is not moving."
    until = f", finishes {move.due_at:%Y-%m-%d %H:%M} UTC" if move.due_at else ""
    return f"{move.before} -> {move.after}: {move.moved} people moved, {move.waiting} waiting{until}."

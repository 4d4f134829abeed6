"""``manage.py import_ctr``: learn from a click log in the format of Criteo or Avazu."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from training.logs.ctr import CRITEO_STARTS, CRITEO_STEP, FORMATS, Clock
from training.logs.imports import import_clicks
from training.management.importing import ImportCommand, layout_of


class Command(ImportCommand):
    """Import clicks."""

    help = (
        "Import a click log in the format of Criteo (label, I1-I13, C1-C26, with or without headings) or Avazu (click,"
        " hour, C14, device_id, …), mapped onto an operator's creatives by a stable hash of the item's column. All"
        " lines are imported or none, and none twice."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="the clicks; .gz is read as well")
        parser.add_argument("--format", required=True, choices=sorted(FORMATS))
        self.add_layout(parser, "e.g. item=C3 (criteo: item, label; avazu: item, label, user, position, timestamp)")
        parser.add_argument(
            "--starts", default=CRITEO_STARTS.isoformat(),
            help="criteo: time of the first line, since the log has none (default %(default)s)",
        )  # fmt: skip
        parser.add_argument(
            "--step", type=float, default=CRITEO_STEP.total_seconds(),
            help="criteo: seconds from line to line; they tell the order, nothing else (default %(default)g)",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        """Import it; a second import adds nothing."""
        path, layout, clock = Path(options["file"]), layout_of(options), _clock(options)
        with self.order(options, f"{options['format']}/{path.name}") as order:
            imported = import_clicks(
                order, path, options["format"], layout=layout, clock=clock, tell=self.progress()
            )  # fmt: skip
        self.tell(imported, rehearsed=order.rehearse)


def _clock(options: dict[str, Any]) -> Clock:
    try:
        starts, step = datetime.fromisoformat(options["starts"]), timedelta(seconds=options["step"])
    except (ValueError, OverflowError) as error:
        raise CommandError(f"--starts and --step: expected an ISO 8601 time and seconds ({error}).") from error
    if step <= timedelta():
        raise CommandError(f"--step is {options['step']:g}; expected more than 0 seconds, since lines are in order.")
    return Clock(starts if starts.tzinfo else starts.replace(tzinfo=UTC), step)

"""``manage.py import_ratings``: learn from a file of ratings."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from training.logs.imports import import_ratings
from training.logs.ratings import ENGAGED
from training.management.importing import ImportCommand, layout_of


class Command(ImportCommand):
    """Import ratings."""

    help = (
        "Import ratings as MovieLens writes them (user, item, rating, timestamp; csv, tsv, :: or .gz), mapped onto an"
        " operator's creatives by a stable hash of the item. All lines are imported or none, and none twice."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="the ratings, with a line of headings unless --headings names them")
        self.add_layout(parser, "e.g. user=userId,item=movieId,rating=rating,timestamp=timestamp,category=genre")
        parser.add_argument(
            "--engaged",
            type=float,
            default=ENGAGED,
            help="lowest rating that is engagement (default %(default)g)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Import it; a second import adds nothing."""
        path, layout = Path(options["file"]), layout_of(options)
        with self.order(options, f"ratings/{path.name}") as order:
            imported = import_ratings(order, path, layout=layout, engaged=options["engaged"], tell=self.progress())
        self.tell(imported, rehearsed=order.rehearse)

"""``manage.py bench_measure``: the measurements of ``bench``, in a database of their own that is dropped at the end."""

import io
import logging
import os
import socket
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections
from PIL import Image

import decisions.bench
import faceid.bench
import identities.bench
import registry.selectors
from accounts.selectors import operator_named
from accounts.services import create_operator
from core.tenancy import operator_scope
from demo.catalogue import OPERATOR_SLUG
from demo.photographs import Photographs
from demo.throughput import WORKERS, point_children_at, throughput
from faceid.pipeline import Pipeline


class Command(BaseCommand):
    """Measure and print."""

    help = "Measure decision, recognition, galleries and throughput; `make bench` prepares what it needs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Describe the options."""
        parser.add_argument("--rounds", type=int, default=60)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one table after the other."""
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ.setdefault(name, "1")
        logging.getLogger("registry").setLevel(logging.WARNING)
        model = self._model()
        self.say("Medians of one run; the machine's own noise is in them, ratios are what to read.\n")
        self._recognition(options["rounds"])
        with scratch_database():
            self._decision(model, options["rounds"])
            self._galleries(options["rounds"])
            self._throughput()

    def _model(self) -> Path:
        operator = operator_named(OPERATOR_SLUG)
        if operator is None:
            raise CommandError("No trained model to measure with; `make bench` stages the demonstration first.")
        with operator_scope(operator.id):
            active = registry.selectors.active_version(operator_id=operator.id)
        if active is None:
            raise CommandError("The demonstration has no active model; `make bench` trains one.")
        self.say(f"Model: {active.kind}, {active.file_digest[:12]}")
        return Path(settings.RANKING_MODELS) / f"{active.file_digest}.onnx"

    def _recognition(self, rounds: int) -> None:
        with Image.open(io.BytesIO(Photographs(settings.CARRIERS).enrolled_again())) as opened:
            photograph = np.asarray(opened.convert("RGB"))
        found = faceid.bench.recognition_ratio(Pipeline.load(Path(settings.FACE_MODELS)), photograph, rounds=rounds)
        self.say("Recognition of one 640 x 480 frame with one face (aim: at most 1.3 times the bare sessions)")
        self.say(f"  {'detector + embedder sessions alone':<44} {found.bare:9.2f} ms")
        self.say(f"  {'whole pipeline, JPEG to embedding':<44} {found.ours:9.2f} ms   {found.ratio:6.2f} x\n")

    def _decision(self, model: Path, rounds: int) -> None:
        self.say("Decision, one recognised viewer, 200 eligible creatives, warm (aim: at most 3 times the bare call)")
        self.say(f"  {'':<56} {'':>12}   of 200 rows   of the call apart")
        for row in decisions.bench.decision_ratio(model, rounds=rounds):
            queries = "" if row.queries is None else f"   {row.queries} queries"
            self.say(f"  {row.name:<56} {row.milliseconds:9.2f} ms   {row.ratio:9.2f} x   {row.apart:15.2f} x{queries}")
        self.say("")

    def _galleries(self, rounds: int) -> None:
        for row in identities.bench.gallery_table(rounds=rounds):
            if row.engine.startswith("plain"):
                self.say(f"Gallery of {row.templates:,} templates of {row.dimension} numbers, one probe unless said")
            self.say(
                f"  {row.engine:<44} {row.milliseconds:9.2f} ms   {row.ratio:6.2f} x   recall@1 {row.recall:.3f}"
                f"   made in {row.build_seconds:.1f} s"
            )
        self.say("")

    def _throughput(self) -> None:
        operator = create_operator(name="Throughput", slug="throughput")
        self.say(f"Throughput with {WORKERS} workers, load from the same machine")
        for rate in throughput(operator_id=operator.id, port=_free_port()):
            self.say(f"  {rate.name:<44} {rate.per_second:9.0f} /s   {rate.ratio:6.2f} x")

    def say(self, line: str) -> None:
        """Print one line at once."""
        self.stdout.write(line)
        self.stdout.flush()


@contextmanager
def scratch_database() -> Iterator[None]:
    """Use a fresh, migrated database, and drop it at the end."""
    former = str(settings.DATABASES["default"]["NAME"])
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    before = os.environ["DATABASE_URL"]
    point_children_at(name)
    try:
        yield
    finally:
        os.environ["DATABASE_URL"] = before
        connections.close_all()
        connection.creation.destroy_test_db(former, verbosity=0)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

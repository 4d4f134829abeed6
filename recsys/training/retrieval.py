"""Two towers that place viewers and creatives in one space, so that nearest means likely.

Three kinds make such towers: networks that learn from all features, and collaborative filtering in two ways, which
looks at who engaged with what alone. Whichever finds most is a matter of the log; the report says how much it finds.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.features import FeatureSpec, Feeds
from recsys.serving.metadata import ModelMetadata
from recsys.serving.retrieval import CREATIVE_TOWER, TEMPERATURE, VIEWER_TOWER
from recsys.training.collaborative import factors, neighbours
from recsys.training.dataset import Examples, Split
from recsys.training.export import export
from recsys.training.fit import schedule
from recsys.training.networks.sides import Forget
from recsys.training.progress import Progress, silent
from recsys.training.report import RetrievalReport
from recsys.training.request import Retriever
from recsys.training.tensorflow import keras, seed_everything, tf, tfrs

VIEWER_FEATURES = (
    "viewer",
    "screen",
    "venue_category",
    "scene",
    "hour",
    "history_length",
    "history_creative",
    "history_category",
)
CREATIVE_FEATURES = ("creative", "category", "advertiser")
WIDTH = 32
DEPTH = 10
FORGETTING = 0.5
"""Share of viewers who are made anonymous while training, so that strangers are placed by their histories."""
LEARNING_RATE = 3e-3
EPOCHS, STEPS, BATCH_SIZE = 4, 300, 1024


class TwoTowers(tfrs.Model):  # type: ignore[misc]
    """Learns to tell what a viewer engaged with from what others in the batch engaged with.

    In-batch softmax corrected for popularity: Yi et al., "Sampling-bias-corrected neural modeling", RecSys 2019.
    """

    def __init__(self, spec: FeatureSpec) -> None:
        super().__init__()
        self.viewer_tower = _tower(spec, VIEWER_FEATURES, "viewer_tower")
        self.creative_tower = _tower(spec, CREATIVE_FEATURES, "creative_tower")
        self.task = tfrs.tasks.Retrieval(temperature=TEMPERATURE, remove_accidental_hits=True)

    def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Compute the loss of a batch of positives, summed over its rows."""
        return self.task(
            self.viewer_tower({name: inputs[name] for name in VIEWER_FEATURES}, training=training),
            self.creative_tower({name: inputs[name] for name in CREATIVE_FEATURES}, training=training),
            candidate_sampling_probability=inputs["probability"],
            candidate_ids=inputs["creative_code"],
            compute_metrics=False,
        )


def train_retrieval(
    split: Split,
    spec: FeatureSpec,
    *,
    seed: int,
    metadata: ModelMetadata,
    output: Path,
    progress: Progress = silent,
    kind: Retriever = "two_tower",
) -> RetrievalReport:
    """Train both towers on what was engaged with, measure recall on later examples, and export both.

    Args:
        kind: `two_tower` learns from all features; `factors` and `neighbours` are collaborative filtering, see
            `recsys.training.collaborative`.

    Raises:
        ParityError: a tower does not export faithfully.
    """
    started = time.perf_counter()
    seed_everything(seed)
    train, test = _positives(split.train), _positives(split.test)
    popularity = np.bincount(train.creative.codes, minlength=len(train.creative.vocabulary))
    if kind == "two_tower":
        viewer, creative = _learnt(train, spec, popularity, progress)
    else:
        viewer, creative = (factors if kind == "factors" else neighbours)(split.train, spec, seed)
        progress("retrieval", 1, 1, kind)
    catalogue = _catalogue([*split])
    recall = _recall(viewer, creative, test, catalogue)
    popular = np.argsort(-popularity, kind="stable")[:DEPTH]
    towers = {
        name: export(
            tower,
            feeds={feature: split.test.feeds[feature] for feature in tower.input_names},
            metadata=replace(metadata, kind=f"{kind}.{name}"),
            output=output,
        )
        for name, tower in (("viewer", viewer), ("creative", creative))
    }
    return RetrievalReport(
        positives=len(test),
        creatives=len(catalogue),
        recall=recall,
        popularity_recall=float(np.isin(test.creative.codes, popular).mean()),
        viewer_tower=towers["viewer"],
        creative_tower=towers["creative"],
        seconds=time.perf_counter() - started,
    )


def _tower(spec: FeatureSpec, names: tuple[str, ...], title: str) -> Any:
    features = [feature for feature in spec.features if feature.name in names]
    inputs = {feature.name: keras.Input((feature.length,), name=feature.name, dtype="int32") for feature in features}
    ids = {name: Forget(FORGETTING)(node) if name == "viewer" else node for name, node in inputs.items()}
    vectors = [_embed(ids[feature.name], feature.size, feature.length) for feature in features]
    hidden = keras.layers.Dense(2 * WIDTH, activation="relu")(keras.layers.Concatenate()(vectors))
    place = keras.layers.Dense(WIDTH)(hidden)
    return keras.Model(inputs, tf.math.l2_normalize(place, axis=1), name=title)


def _embed(ids: Any, size: int, length: int) -> Any:
    vectors = keras.layers.Embedding(size, WIDTH // 2)(ids)
    if length == 1:
        return keras.layers.Flatten()(vectors)
    present = tf.cast(tf.not_equal(ids, 0), tf.float32)[:, :, None]
    return tf.reduce_sum(vectors * present, axis=1) / (tf.reduce_sum(present, axis=1) + 1e-6)


def _positives(examples: Examples) -> Examples:
    return examples.take(np.flatnonzero(examples.labels == 1))


def _learnt(train: Examples, spec: FeatureSpec, popularity: NDArray[np.intp], progress: Progress) -> tuple[Any, Any]:
    """Fit the networks on positives; the viewer's and the creative's tower."""
    model = TwoTowers(spec)
    model.compile(keras.optimizers.Adam(LEARNING_RATE))
    columns: dict[str, Any] = {name: train.feeds[name] for name in (*VIEWER_FEATURES, *CREATIVE_FEATURES)}
    columns["creative_code"] = train.creative.codes
    columns["probability"] = (popularity / popularity.sum())[train.creative.codes].astype(np.float32)
    plan = schedule(len(train), BATCH_SIZE, usual=EPOCHS, least_steps=STEPS)
    report = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: progress("retrieval", epoch + 1, plan.epochs, f"loss {logs['loss']:.1f}")
    )
    model.fit(columns, batch_size=plan.batch_size, epochs=plan.epochs, verbose=0, callbacks=[report])
    return model.viewer_tower, model.creative_tower


def _catalogue(parts: list[Examples]) -> dict[int, Feeds]:
    """Find one row for each creative of the log, by its code."""
    rows: dict[int, Feeds] = {}
    for part in parts:
        codes, first = np.unique(part.creative.codes, return_index=True)
        for code, row in zip(codes.tolist(), first.tolist(), strict=True):
            rows.setdefault(code, {name: part.feeds[name][row : row + 1] for name in CREATIVE_FEATURES})
    return rows


def _recall(viewer: Any, creative: Any, test: Examples, catalogue: dict[int, Feeds]) -> float:
    codes = np.array(list(catalogue), dtype=np.int32)
    items = {name: np.concatenate([feeds[name] for feeds in catalogue.values()]) for name in CREATIVE_FEATURES}
    places = creative.predict({name: items[name] for name in creative.input_names}, batch_size=4096, verbose=0)
    depth = min(DEPTH, len(codes))
    index = tfrs.layers.factorized_top_k.BruteForce(k=depth).index(tf.constant(places), tf.constant(codes))
    metric = tfrs.metrics.FactorizedTopK(candidates=index, ks=(depth,))
    viewers = viewer.predict({name: test.feeds[name] for name in viewer.input_names}, batch_size=4096, verbose=0)
    for start in range(0, len(test), 4096):
        rows = slice(start, start + 4096)
        queries = tf.constant(viewers[rows])
        metric.update_state(queries, tf.zeros_like(queries), tf.constant(test.creative.codes[rows]))
    return float(metric.result()[0])


def towers(report: RetrievalReport | None, folder: Path) -> dict[str, bytes]:
    """Read the exported towers back, to be packed into the ranking model's file; none without a report."""
    if report is None:
        return {}
    files = {VIEWER_TOWER: report.viewer_tower.file, CREATIVE_TOWER: report.creative_tower.file}
    return {name: (folder / file).read_bytes() for name, file in files.items()}

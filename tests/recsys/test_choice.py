"""Which of several trained networks is exported."""

from recsys.training.experiment import _best


def test_the_first_kind_is_kept_where_another_is_better_by_chance_only():
    assert _best({"dotdin": 0.5749, "deepfm": 0.5740}) == "dotdin"
    assert _best({"dotdin": 0.5749, "deepfm": 0.5720}) == "deepfm"
    assert _best({"deepfm": 0.5}) == "deepfm"

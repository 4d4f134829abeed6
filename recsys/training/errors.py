"""Why a training is refused; each reason has a code that a caller can act on."""

from __future__ import annotations


class TrainingRefused(ValueError):
    """Training cannot go on with what it was given."""

    code = "training_refused"


class UnreadableDataset(TrainingRefused):
    """The file is missing, cut short or no Parquet file."""

    code = "unreadable_dataset"


class MissingColumns(TrainingRefused):
    """The log lacks columns."""

    code = "missing_columns"


class WrongColumnType(TrainingRefused):
    """A column holds another type than the schema says."""

    code = "wrong_column_type"


class MissingValues(TrainingRefused):
    """A column holds nulls or NaN where every row needs a value."""

    code = "missing_values"


class ValueOutOfRange(TrainingRefused):
    """A label or a propensity is none."""

    code = "value_out_of_range"


class VocabularyTooLarge(TrainingRefused):
    """A column holds so many different words that nothing could be learnt of any."""

    code = "vocabulary_too_large"


class DuplicateExamples(TrainingRefused):
    """An example occurs more than once and would be counted twice."""

    code = "duplicate_examples"


class EmptyLog(TrainingRefused):
    """The log holds no examples."""

    code = "empty_log"


class OneClass(TrainingRefused):
    """A part of the split holds only one kind of label, so nothing can be learnt or measured on it."""

    code = "one_class"


class UnreadableLooks(TrainingRefused):
    """The file beside the log holds no pictures of creatives."""

    code = "unreadable_looks"


class ParityError(TrainingRefused):
    """The exported graph does not compute what the trained network computes."""

    code = "parity_error"


class BadRequest(TrainingRefused):
    """The training request is malformed."""

    code = "bad_request"

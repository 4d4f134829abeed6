"""What the API takes and shows of model versions and of the terms on which they are promoted."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from rest_framework import serializers

from core.ids import public_id
from core.times import utc
from registry import selectors
from registry.models import ON_TRIAL, Kind, ModelVersion, Outcome, Stage, Trial
from registry.services.policy import COUNTS
from registry.terms import ABOVE_ZERO, Gates, Guardrails, Route, upper


def _count(name: str) -> serializers.IntegerField:
    low, high = COUNTS[name]
    return serializers.IntegerField(required=False, min_value=low, max_value=high)


def _terms(terms: Gates | Guardrails) -> dict[str, Any]:
    """Return a serializer's fields, one for each term."""
    made: dict[str, Any] = {}
    for field in fields(terms):
        low, high = (0.0001 if field.name in ABOVE_ZERO else 0.0), upper(field.name)
        if field.name == "cohort_rows":
            made[field.name] = serializers.IntegerField(required=False, min_value=1, max_value=int(high))
        else:
            made[field.name] = serializers.FloatField(required=False, min_value=low, max_value=high)
    return made


class GateSerializer(serializers.Serializer[Any]):
    """One thing a model has to show before it may serve."""

    name = serializers.CharField()
    measured = serializers.FloatField(allow_null=True, help_text="Null when it could not be measured.")
    threshold = serializers.FloatField(allow_null=True)
    interval = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, help_text="95 % interval of the measured value, by bootstrap."
    )
    passes = serializers.BooleanField()
    judged = serializers.BooleanField(help_text="False when there was too little to judge by; it passes then.")
    sentence = serializers.CharField()


class TrialSerializer(serializers.Serializer[Any]):
    """A time in which a version is or was watched beside the champion."""

    stage = serializers.ChoiceField(choices=[stage.value for stage in ON_TRIAL])
    share = serializers.FloatField(help_text="Of screens (canary) or of decisions (shadow).")
    started_at = serializers.DateTimeField()
    started_by = serializers.CharField()
    checked_at = serializers.DateTimeField(allow_null=True)
    ready_at = serializers.DateTimeField(allow_null=True, help_text="When it had passed for long enough.")
    ended_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.ChoiceField(choices=Outcome.values, allow_null=True)
    reason = serializers.CharField(allow_null=True, help_text="Why it ended.")
    figures = serializers.DictField(help_text="What was measured last, with each guardrail.")


class ModelSerializer(serializers.Serializer[Any]):
    """One model version."""

    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=Kind.choices)
    stage = serializers.ChoiceField(choices=Stage.choices)
    verdict = serializers.CharField(help_text="Why it was activated, or why not.")
    metrics = serializers.DictField(help_text="Measured on rows later than those it learnt from.")
    gates = GateSerializer(many=True, help_text="The verdict, gate by gate; empty when it was registered by hand.")
    trial = TrialSerializer(allow_null=True, help_text="The last time it was watched; null when it never was.")
    run = serializers.CharField(allow_null=True, help_text="The training run it came from.")
    measured_against = serializers.CharField(allow_null=True, help_text="The champion it was measured against.")
    spec_digest = serializers.CharField(help_text="SHA-256 of the feature specification.")
    data_digest = serializers.CharField(help_text="SHA-256 of the training data.")
    file_digest = serializers.CharField(help_text="SHA-256 of the ONNX file; decisions name it as their model.")
    bytes = serializers.IntegerField()
    consent_snapshot = serializers.DictField(help_text="How many people consented to what when the data were exported.")
    code_version = serializers.CharField()
    configuration = serializers.CharField(
        allow_null=True, help_text="SHA-256 over what decided about the networks and their training."
    )
    libraries = serializers.DictField(help_text="Versions of what it was trained with.")
    seed = serializers.IntegerField()
    trained_at = serializers.DateTimeField()
    awaits_retrain_since = serializers.DateTimeField(
        allow_null=True, help_text="When somebody it had learnt from was erased; it is never activated again."
    )


class ShareSerializer(serializers.Serializer[Any]):
    """How much of the traffic is tried."""

    share = serializers.FloatField(
        required=False, min_value=0.0001, max_value=1, help_text="The operator's policy says it when left out."
    )


class RetirementSerializer(serializers.Serializer[Any]):
    """Why a version goes."""

    reason = serializers.CharField(required=False, allow_blank=True, max_length=500)


class ModelPageSerializer(serializers.Serializer[Any]):
    """Some model versions, newest first."""

    models = ModelSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Pass it as cursor to continue; null at the end.")


class GatesSerializer(serializers.Serializer[Any]):
    """What a trained model has to show on later rows; differences are against the champion."""

    def get_fields(self) -> dict[str, Any]:
        """Return one number for each term."""
        return _terms(Gates())


class GuardrailsSerializer(serializers.Serializer[Any]):
    """What ends a canary."""

    def get_fields(self) -> dict[str, Any]:
        """Return one number for each term."""
        return _terms(Guardrails())


class PolicySerializer(serializers.Serializer[Any]):
    """On what terms models are promoted."""

    route = serializers.ChoiceField(
        choices=Route.choices, required=False, help_text="Where a model that passed the gate goes while another serves."
    )
    automatic = serializers.BooleanField(
        required=False, help_text="Whether a trial that passed for long enough promotes its version by itself."
    )
    shadow_share = serializers.FloatField(required=False, min_value=0.0001, max_value=1, help_text="Of decisions.")
    canary_share = serializers.FloatField(required=False, min_value=0.0001, max_value=1, help_text="Of screens.")
    shadow_hours = _count("shadow_hours")
    canary_hours = _count("canary_hours")
    trial_decisions = _count("trial_decisions")
    gates = GatesSerializer(required=False)
    guardrails = GuardrailsSerializer(required=False)


def document(version: ModelVersion) -> dict[str, Any]:
    """Return a version as the API shows it."""
    return {
        "id": version.public_id,
        "kind": version.kind,
        "stage": version.stage,
        "verdict": version.verdict,
        "metrics": version.metrics,
        "gates": version.gates,
        "trial": _trial(selectors.latest_trial(version)),
        "run": public_id("run", version.run_id) if version.run_id else None,
        "measured_against": public_id("mdl", version.parent_id) if version.parent_id else None,
        "spec_digest": version.spec_digest,
        "data_digest": version.data_digest,
        "file_digest": version.file_digest,
        "bytes": version.bytes,
        "consent_snapshot": version.consent_snapshot,
        "code_version": version.code_version,
        "configuration": version.configuration or None,
        "libraries": version.libraries,
        "seed": version.seed,
        "trained_at": utc(version.trained_at),
        "awaits_retrain_since": utc(version.awaits_retrain_since) if version.awaits_retrain_since else None,
    }


def _trial(trial: Trial | None) -> dict[str, Any] | None:
    if trial is None:
        return None
    return {
        "stage": trial.stage,
        "share": trial.share,
        "started_at": utc(trial.started_at),
        "started_by": trial.started_by,
        "checked_at": utc(trial.checked_at) if trial.checked_at else None,
        "ready_at": utc(trial.ready_at) if trial.ready_at else None,
        "ended_at": utc(trial.ended_at) if trial.ended_at else None,
        "outcome": trial.outcome or None,
        "reason": trial.reason or None,
        "figures": trial.figures,
    }


def checked(serializer: type[serializers.Serializer[Any]], data: Any) -> Mapping[str, Any]:
    """Return the validated body.

    Raises:
        ValidationError: it has the wrong shape.
    """
    parsed = serializer(data=data)
    parsed.is_valid(raise_exception=True)
    return dict(parsed.validated_data)

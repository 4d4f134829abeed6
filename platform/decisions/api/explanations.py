"""Explain one place of a decision over HTTP, to those who answer for it."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import caller
from core.ids import parse_public_id, public_id
from core.problems import Malformed
from core.times import utc
from decisions import explanation
from decisions.counterfactual import Changed, Counterfactual, Likely
from decisions.explanation import Accounted, Influence
from decisions.models import Decision
from signage.policies import LEARN, PERSONALISE, RECOGNISE

LEFT_OUT = (PERSONALISE, LEARN, RECOGNISE)
DEFAULT = (PERSONALISE,)
LONGEST_POSITION = 4


class SubjectSerializer(serializers.Serializer[Any]):
    """What one subject of somebody's past did."""

    category = serializers.CharField()
    times = serializers.IntegerField(help_text="How often they had engaged with it before.")
    amount = serializers.FloatField(help_text="Log-odds; positive when it spoke for the creative.")


class InfluenceSerializer(serializers.Serializer[Any]):
    """What knowing one person did to the score; nobody is named."""

    method = serializers.ChoiceField(choices=["integrated_gradients", "occlusion"])
    score = serializers.FloatField(help_text="Log-odds of an engagement of this person.")
    baseline = serializers.FloatField(
        help_text="The same for somebody anonymous at this place and time, before a creative without a picture."
    )
    picture = serializers.FloatField(help_text="By how the creative looks, to anybody, log-odds; 0 where unseen.")
    key = serializers.FloatField(help_text="By what the model learnt under their pseudonym, log-odds.")
    length = serializers.FloatField(help_text="By how much they had looked at before, log-odds.")
    subjects = SubjectSerializer(many=True)
    residual = serializers.FloatField(help_text="What the shares leave unexplained; at most 0.01, or 1 percent.")


class LikelySerializer(serializers.Serializer[Any]):
    """One creative of a most likely slate."""

    creative = serializers.CharField()
    title = serializers.CharField()
    category = serializers.CharField()
    score = serializers.FloatField()


class CounterfactualSerializer(serializers.Serializer[Any]):
    """What would most likely have been shown, chance left out on both sides."""

    without = serializers.ListField(child=serializers.ChoiceField(choices=LEFT_OUT))
    likely = LikelySerializer(many=True, help_text="With every purpose the decision rests on.")
    instead = LikelySerializer(many=True, help_text="Without those left out.")
    same = serializers.BooleanField()
    score = serializers.FloatField(allow_null=True, help_text="Estimated for the place asked about.")
    score_without = serializers.FloatField(allow_null=True)


class AccountedSerializer(serializers.Serializer[Any]):
    """Why one creative was at one place of a decision."""

    decision = serializers.CharField()
    position = serializers.IntegerField()
    creative = serializers.CharField()
    at = serializers.DateTimeField()
    basis = serializers.CharField()
    purposes = serializers.ListField(child=serializers.CharField())
    model = serializers.CharField()
    reasons = serializers.ListField(child=serializers.CharField())
    influences = InfluenceSerializer(many=True, help_text="Of those it was personal for who still consent to that.")
    ended = serializers.IntegerField(help_text="Of how many others nothing may be told any more.")
    counterfactual = CounterfactualSerializer(allow_null=True)
    changed = serializers.ListField(
        child=serializers.ChoiceField(choices=[one.value for one in Changed]),
        help_text="What is not as it was when the decision was made, so that figures are of today.",
    )


class Explanations(APIView):
    """Why one creative was at one place of a decision."""

    scopes = ("subjects",)

    @extend_schema(
        operation_id="explain_decision",
        responses=AccountedSerializer,
        parameters=[
            OpenApiParameter("position", int, description="Place of the slate, 0 is the first."),
            OpenApiParameter(
                "without", str, many=True, enum=LEFT_OUT,
                description="Purposes of consent that the counterfactual leaves out; personalise when none is named.",
            )
        ],
    )  # fmt: skip
    def get(self, request: Request, decision: str) -> Response:
        """Take a score apart, and tell what would have been shown without a purpose.

        Computed when asked and stored nowhere. People are not named; of those who withdrew or were erased nothing is
        told.
        """
        found = explanation.for_officer(
            operator_id=caller(request).operator_id,
            decision_id=parse_public_id(Decision.PREFIX, decision),
            position=_position(request),
            without=_without(request),
            at=timezone.now(),
        )
        return Response(accounted_document(found))


def _position(request: Request) -> int:
    named = request.query_params.get("position", "0")
    if not (named.isascii() and named.isdecimal() and len(named) <= LONGEST_POSITION):
        raise Malformed(
            f"{named[:40]!r} is no place of a slate.",
            errors=[{"field": "position", "code": "invalid", "detail": "Expected a whole number, 0 or more."}],
        )
    return int(named)


def _without(request: Request) -> frozenset[str]:
    named = request.query_params.getlist("without") or DEFAULT
    unknown = [purpose for purpose in named if purpose not in LEFT_OUT]
    if unknown:
        raise Malformed(
            f"{unknown[0][:40]!r} cannot be left out.",
            errors=[{"field": "without", "code": "invalid", "detail": f"Expected some of {', '.join(LEFT_OUT)}."}],
        )
    return frozenset(named)


def accounted_document(found: Accounted) -> dict[str, Any]:
    """Return an explanation as the API shows it."""
    return {
        "decision": found.decision.public_id,
        "position": found.choice.position,
        "creative": public_id("crv", found.choice.creative_id),
        "at": utc(found.decision.at),
        "basis": found.choice.basis,
        "purposes": found.decision.purposes,
        "model": found.decision.model,
        "reasons": list(found.reasons),
        "influences": [_influence(one) for one in found.influences],
        "ended": found.ended,
        "counterfactual": _counterfactual(found.counterfactual, found) if found.counterfactual else None,
        "changed": sorted(found.changed),
    }


def _influence(one: Influence) -> dict[str, Any]:
    return {
        "method": one.method, "score": one.score, "baseline": one.baseline, "picture": one.picture, "key": one.key,
        "length": one.length,
        "subjects": [
            {"category": each.category, "times": each.times, "amount": each.amount} for each in one.subjects
        ],
        "residual": one.residual,
    }  # fmt: skip


def _counterfactual(compared: Counterfactual, found: Accounted) -> dict[str, Any]:
    before, after = compared.scores.get(found.choice.creative_id, (None, None))
    return {
        "without": sorted(compared.without),
        "likely": [_likely(one) for one in compared.likely],
        "instead": [_likely(one) for one in compared.instead],
        "same": compared.same,
        "score": before,
        "score_without": after,
    }


def _likely(one: Likely) -> dict[str, Any]:
    return {"creative": one.public_id, "title": one.title, "category": one.category, "score": one.score}

"""The privacy budget over HTTP: how it stands, its entries, a grant, and trainings that spend it."""

from decimal import Decimal
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import caller
from core.idempotency import idempotent
from core.ids import public_id
from core.pagination import PARAMETERS, listed, page_of
from core.times import utc
from privacy import selectors
from privacy.models import BudgetEntry, BudgetKind
from privacy.services import grant, request_private_run

DIGITS, PLACES = 18, 12
NETWORKS = ("logistic", "fm", "deepfm", "fwfm", "dcn", "dotdin", "din")
LARGEST_EPSILON, LARGEST_DELTA = 1_000, 1
STANDING = ("granted_epsilon", "granted_delta", "spent_epsilon", "spent_delta", "left_epsilon", "left_delta")


class BudgetGrantBody(serializers.Serializer[Any]):
    """What is granted in addition."""

    epsilon = serializers.DecimalField(max_digits=DIGITS, decimal_places=PLACES, min_value=0, max_value=LARGEST_EPSILON)
    delta = serializers.DecimalField(max_digits=DIGITS, decimal_places=PLACES, min_value=0, max_value=LARGEST_DELTA)
    reason = serializers.CharField(max_length=200)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a grant of nothing."""
        if not attrs["epsilon"] and not attrs["delta"]:
            raise serializers.ValidationError({"epsilon": "A grant of nothing changes nothing."})
        return attrs


class PrivateRunBody(serializers.Serializer[Any]):
    """A training with differential privacy of persons."""

    network = serializers.ChoiceField(choices=NETWORKS, default="logistic", help_text="Small ones lose least.")
    epsilon = serializers.DecimalField(
        max_digits=DIGITS, decimal_places=PLACES, min_value=Decimal("0.01"), max_value=100
    )
    delta = serializers.DecimalField(
        max_digits=DIGITS, decimal_places=PLACES, min_value=Decimal("0.000000000001"), max_value=Decimal("0.01"),
        default=Decimal("0.00001"),
    )  # fmt: skip


class BudgetStandingAnswer(serializers.Serializer[Any]):
    """How the budget stands: decimal numbers as text."""

    granted_epsilon = serializers.CharField()
    granted_delta = serializers.CharField()
    spent_epsilon = serializers.CharField()
    spent_delta = serializers.CharField()
    left_epsilon = serializers.CharField()
    left_delta = serializers.CharField()


class BudgetEntryAnswer(serializers.Serializer[Any]):
    """One entry of the ledger."""

    id = serializers.CharField()
    number = serializers.IntegerField(help_text="Place in the ledger, from 1.")
    kind = serializers.ChoiceField(choices=BudgetKind.choices, help_text="grant, spend or return")
    epsilon = serializers.CharField()
    delta = serializers.CharField()
    spent_epsilon = serializers.CharField(help_text="In all, after this entry.")
    granted_epsilon = serializers.CharField(help_text="In all, after this entry.")
    reason = serializers.CharField()
    actor = serializers.CharField()
    at = serializers.DateTimeField()
    run = serializers.CharField(allow_null=True, help_text="The training that spent it.")
    returns = serializers.CharField(allow_null=True, help_text="The spending that is given back.")


class PrivacyBudget(APIView):
    """The operator's budget."""

    scopes = ("subjects",)

    @extend_schema(operation_id="read_privacy_budget", responses=BudgetStandingAnswer)
    def get(self, request: Request) -> Response:
        """Read what was granted, what was spent and what is left."""
        standing = selectors.budget_standing(operator_id=caller(request).operator_id)
        amounts = {name: getattr(standing, name) for name in STANDING}
        return Response({name: f"{amount.normalize():f}" for name, amount in amounts.items()})


class PrivacyBudgetEntries(APIView):
    """The operator's ledger."""

    scopes = ("subjects",)

    @extend_schema(
        operation_id="list_privacy_budget_entries", parameters=PARAMETERS, responses=page_of(BudgetEntryAnswer)
    )
    def get(self, request: Request) -> Response:
        """List the entries of the ledger, newest first."""
        return listed(request, selectors.budget_entries(operator_id=caller(request).operator_id), document)

    @extend_schema(operation_id="grant_privacy_budget", request=BudgetGrantBody, responses={201: BudgetEntryAnswer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Grant more; a grant cannot be taken back."""
        principal = caller(request)
        body = BudgetGrantBody(data=request.data)
        body.is_valid(raise_exception=True)
        entry = grant(
            operator_id=principal.operator_id, actor=principal.actor, at=timezone.now(), **body.validated_data
        )
        return Response(document(entry), status=201)


class PrivateRuns(APIView):
    """Trainings that spend the budget."""

    scopes = ("models",)

    @extend_schema(operation_id="request_private_run", request=PrivateRunBody, responses={202: BudgetEntryAnswer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Spend part of the budget on a training and ask for it; the answer names the run."""
        principal = caller(request)
        body = PrivateRunBody(data=request.data)
        body.is_valid(raise_exception=True)
        entry = request_private_run(
            operator_id=principal.operator_id, actor=principal.actor, at=timezone.now(), **body.validated_data
        )
        return Response(document(entry), status=202)


def document(entry: BudgetEntry) -> dict[str, Any]:
    """Return an entry as the API shows it."""
    amounts = ("epsilon", "delta", "spent_epsilon", "granted_epsilon")
    return {
        "id": entry.public_id,
        "number": entry.number,
        "kind": entry.kind,
        **{name: f"{getattr(entry, name).normalize():f}" for name in amounts},
        "reason": entry.reason,
        "actor": entry.actor,
        "at": utc(entry.at),
        "run": public_id("run", entry.run_id) if entry.run_id else None,
        "returns": public_id(BudgetEntry.PREFIX, entry.returns_id) if entry.returns_id else None,
    }

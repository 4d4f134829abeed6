"""Protected templates: the only thing Vitrine keeps of a face, and only of people who consented to be recognised."""

from uuid import UUID

from django.db import models
from django.db.models import Q
from pgvector.django import VectorField

from core.models import OperatorRecord
from faceid.minor import Minors


class State(models.TextChoices):
    """What an embedding contract is for."""

    PENDING = "pending"
    ACTIVE = "active"
    NEXT = "next"
    RETIRED = "retired"


class Contract(OperatorRecord):
    """An embedding contract of an operator: which recogniser and which key its templates were made with.

    An operator whose templates all came from the first recogniser and the first key may have no row yet; enrolment
    writes it. An operator with rows of which none is active is closed: its keys were destroyed.

    Attributes:
        name: id of the contract, ``emb_…``.
        recogniser, preprocessing, dimension: what ``faceid.contract.EmbeddingContract`` says of the model.
        key_id: the protection key; the key itself lies in the key store.
        state: ``pending`` is being filled by a rotation and unseen by readers; ``active`` is searched, and enrolments
            fill it; ``next`` is searched and filled beside it while the operator moves to another recogniser;
            ``retired`` waits until its templates and its key are gone.
        replaces: name of the contract whose templates a rotation carries over.
        notice_version: first version of the notice that explains a renewal of the template; for ``next``.
        due_at: when the move to ``next`` ends whoever has been seen by then.
        key_destroyed_at: when the key of a retired contract was destroyed.
    """

    PREFIX = "ctr"

    name = models.CharField(max_length=40)
    recogniser = models.CharField(max_length=64)
    preprocessing = models.TextField()
    dimension = models.PositiveIntegerField()
    key_id = models.CharField(max_length=32)
    state = models.CharField(max_length=10, choices=State.choices)
    replaces = models.CharField(max_length=40, blank=True, default="")
    notice_version = models.PositiveIntegerField(null=True)
    due_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)
    key_destroyed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operator", "name"], name="contract_once"),
            models.UniqueConstraint(fields=["operator"], condition=Q(state="active"), name="contract_one_active"),
            models.UniqueConstraint(fields=["operator"], condition=Q(state="next"), name="contract_one_next"),
            models.UniqueConstraint(
                fields=["operator", "replaces"], condition=Q(state="pending"), name="contract_one_pending"
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="contract_state_known"),
            models.CheckConstraint(
                condition=Q(state="retired", retired_at__isnull=False)
                | (~Q(state="retired") & Q(retired_at__isnull=True, key_destroyed_at__isnull=True)),
                name="contract_retired_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.state})"


class Occasion(models.TextChoices):
    """On what occasion a template was made."""

    ENROLMENT = "enrolment"
    RENEWAL = "renewal"


class Template(OperatorRecord):
    """The protected embedding of one enrolment, or of its renewal under another recogniser.

    The vector has passed the operator's secret rotation (``faceid.protect``); the key lies outside the database.
    Triggers refuse a template of a subject without a live ``recognise`` consent and delete it in the transaction that
    ends the consent. Where and until when it may match is said by that consent alone, never copied here.

    Attributes:
        contract: id of the embedding contract; only probes under the same contract are compared.
        quality: figures of the capture. Brightness is left out: it would tell the colour of the skin.
        occasion: enrolment, or renewal when the subject was seen again during a move to another recogniser.
        origin_id: the template this one was carried over from by a rotation of the key.
    """

    PREFIX = "tpl"

    subject = models.ForeignKey("subjects.Subject", on_delete=models.CASCADE, related_name="+")
    subject_id: UUID
    contract = models.CharField(max_length=40)
    embedding = VectorField()
    quality = models.JSONField(default=dict)
    occasion = models.CharField(max_length=10, choices=Occasion.choices, default=Occasion.ENROLMENT)
    origin_id = models.UUIDField(null=True)

    class Meta:
        indexes = [models.Index(fields=["operator", "contract"], name="template_of_contract")]
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "origin_id"], condition=Q(origin_id__isnull=False), name="template_carried_once"
            ),
            models.CheckConstraint(condition=Q(occasion__in=Occasion.values), name="template_occasion_known"),
        ]

    def __str__(self) -> str:
        return self.public_id


class Supervision(models.TextChoices):
    """Who sees to it that the person before the kiosk is the person in the picture."""

    UNATTENDED = "unattended"
    ATTENDED = "attended"


class MinorsPolicy(models.TextChoices):
    """Whether it matters at an operator's screens and kiosks that somebody may be a minor."""

    OFF = Minors.OFF.value, "Nobody's age is looked at"
    ANONYMOUS = Minors.ANONYMOUS.value, "Apparent minors are anonymous"


class EnrolmentPolicy(OperatorRecord):
    """Whom an operator enrols and how; one without a row enrols unattended and looks at nobody's age.

    Attributes:
        supervision: ``unattended`` asks for a challenge and judges liveness; with ``attended`` a member of staff may
            vouch for the person instead.
        minors: with ``apparent_minor_is_anonymous`` whoever is not surely adult is neither enrolled nor recognised.
    """

    PREFIX = "epl"

    supervision = models.CharField(max_length=10, choices=Supervision.choices, default=Supervision.UNATTENDED)
    minors = models.CharField(max_length=30, choices=MinorsPolicy.choices, default=MinorsPolicy.OFF)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operator"], name="enrolment_policy_once"),
            models.CheckConstraint(condition=Q(supervision__in=Supervision.values), name="supervision_known"),
            models.CheckConstraint(condition=Q(minors__in=MinorsPolicy.values), name="minors_known"),
        ]

    def __str__(self) -> str:
        return self.supervision


class Calibration(OperatorRecord):
    """The rule by which an operator's strangers stay unknown, found from their own gallery or from one venue's share.

    At the screens of a venue its own calibration holds, elsewhere the operator's. It belongs to the recogniser, not to
    a key: a rotation keeps every cosine. Without a row for the recogniser in use the defaults of ``faceid.match`` hold.

    Attributes:
        contract: id of the recogniser's contract without protection.
        venue: where it holds; None: at every venue without one of its own.
        content: what ``faceid.openset.calibration.Calibration.fields`` returned; figures only, nobody's face.
    """

    PREFIX = "cal"

    contract = models.CharField(max_length=40)
    venue = models.ForeignKey("signage.Venue", on_delete=models.PROTECT, null=True, related_name="+")
    venue_id: UUID | None
    content = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "contract", "venue"], nulls_distinct=False, name="calibration_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.public_id} of {self.contract}"

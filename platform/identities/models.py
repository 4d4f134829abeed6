"""Protected templates: the only thing Vitrine keeps of a face, and only of people who consented to be recognised."""

from uuid import UUID

from django.db import models
from pgvector.django import VectorField

from core.models import OperatorRecord


class Template(OperatorRecord):
    """The protected embedding of one enrolment.

    The vector has passed the operator's secret rotation (``faceid.protect``); the key lies outside the database.
    Triggers refuse a template of a subject without a live ``recognise`` consent and delete it in the transaction that
    ends the consent. Where and until when it may match is said by that consent alone, never copied here.

    Attributes:
        contract: id of the embedding contract; only probes under the same contract are compared.
        quality: figures of the capture. Brightness is left out: it would tell the colour of the skin.
    """

    PREFIX = "tpl"

    subject = models.ForeignKey("subjects.Subject", on_delete=models.CASCADE, related_name="+")
    subject_id: UUID
    contract = models.CharField(max_length=40)
    embedding = VectorField()
    quality = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["operator", "contract"], name="template_of_contract")]

    def __str__(self) -> str:
        return self.public_id

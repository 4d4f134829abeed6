"""Two operators with a row in every table, and every operation of the API by its id."""

import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import onnx
import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from onnx import TensorProto, helper
from PIL import Image
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

import catalog.services
import events.services
import identities.faces
import identities.models
import identities.services
import identities.viewers
import privacy.services
import registry.models
import registry.services
import signage.services
import subjects.services
import training.alerting
import training.services
from accounts.models import Operator
from accounts.roles import Role, Scope
from accounts.services import add_member, create_operator, issue_api_key
from core.ids import parse_public_id, public_id
from core.models import Reply
from core.tenancy import operator_scope, platform_scope
from core.times import utc
from decisions.services import decide, keep_posterior
from decisions.wish import Wish
from faceid.openset import calibration
from identities import index
from identities.models import Supervision, Template
from identities.services.rotation import put_on_record
from recsys.exploration.learning import Observations, learn
from recsys.features import DEFAULT_SPEC
from recsys.serving.metadata import SPLIT, Calibration, ModelMetadata
from training.drift.findings import Finding

ACTOR = "member:test"
KEY_SCOPES = (Scope.READ, Scope.WRITE, Scope.SUBJECTS, Scope.MODELS)
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class World:
    """One operator and the names by which the API knows what it has."""

    operator_id: UUID
    names: Mapping[str, str]

    def client(self, credential: str = "key") -> APIClient:
        """Return a client with one of the operator's credentials: ``key`` or ``device`` (also a kiosk)."""
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.names[credential]}")
        return client


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the OpenAPI document."""

    id: str
    method: str
    path: str
    document: Mapping[str, Any] = field(repr=False)

    @property
    def parameters(self) -> list[str]:
        """The names in the path."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def is_open(self) -> bool:
        """Whether it needs no credential."""
        return not self.document["security"]

    @property
    def credential(self) -> str:
        """Which credential of a world calls it."""
        devices = {
            "create_decision", "report_events", "recognise", "read_manifest", "record_notice_view", "enrol",
            "draw_challenge",
        }  # fmt: skip
        return "device" if self.id in devices else "key"

    def url(self, names: Mapping[str, str]) -> str:
        """Return the address with the names of a world."""
        return self.path.format_map(names)


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """The OpenAPI document."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made


@pytest.fixture(scope="session")
def operations(document: dict[str, Any]) -> dict[str, Operation]:
    """Every operation by its id."""
    found = [
        Operation(described["operationId"], method, path, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        if method in METHODS
    ]
    return {operation.id: operation for operation in found}


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for files, and an empty gallery index, that live as long as the module's worlds."""
    folder = tmp_path_factory.mktemp("state")
    places = {"MEDIA_ROOT": folder / "media", "RANKING_MODELS": folder / "ranking"}
    with override_settings(**places), pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "_index", index.Index())
        yield folder


@pytest.fixture(scope="module")
def worlds(django_db_setup: None, django_db_blocker: DjangoDbBlocker, state: Path) -> Iterator[tuple[World, World]]:
    """Two operators who have one of everything: made once for a module and never committed."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield (
            populate(create_operator(name="Harbour Retail", slug="harbour-retail"), state, shade=60),
            populate(create_operator(name="Rival Screens", slug="rival-screens"), state, shade=190),
        )
        transaction.set_rollback(True)


@pytest.fixture
def world(worlds: tuple[World, World], db: None) -> World:
    """An operator who has one of everything; what a test does to it is taken back."""
    return worlds[0]


@pytest.fixture
def other_world(worlds: tuple[World, World], db: None) -> World:
    """Another one; nothing of theirs may be seen or changed by the first."""
    return worlds[1]


@pytest.fixture
def tables() -> Callable[[], dict[str, str]]:
    """Take a digest of every table, whoever owns the rows."""
    return digests


@pytest.fixture
def undone() -> Callable[[], Any]:
    """Run a block and take back what it did to the database."""
    return _Undone


@pytest.fixture
def picture() -> Callable[[int], SimpleUploadedFile]:
    """Make a small picture of one shade."""
    return lambda shade: SimpleUploadedFile("p.png", draw(shade), "image/png")


@pytest.fixture
def portrait() -> Callable[[], SimpleUploadedFile]:
    """Return a photograph with one face."""

    def read() -> SimpleUploadedFile:
        found = sorted(Path(django_settings.CARRIERS).rglob("obama.jpg"))
        if not found:
            pytest.fail(f"There is no obama.jpg below {django_settings.CARRIERS}: run `make models` first.")
        return SimpleUploadedFile("frame.jpg", found[0].read_bytes(), "image/jpeg")

    return read


class _Undone:
    def __enter__(self) -> None:
        self.block = transaction.atomic()
        self.block.__enter__()

    def __exit__(self, *error: Any) -> None:
        transaction.set_rollback(True)
        self.block.__exit__(*error)


def digests() -> dict[str, str]:
    owned = [model for model in apps.get_models() if any(f.name == "operator" for f in model._meta.get_fields())]
    one = "SELECT '{0}', coalesce(md5(string_agg(row::text, ',' ORDER BY row::text)), '') FROM \"{0}\" AS row"
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(one.format(model._meta.db_table) for model in owned))
        return dict(cursor.fetchall())


def draw(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 9), (shade, 100, 100)).save(buffer, "PNG")
    return buffer.getvalue()


def populate(operator: Operator, folder: Path, *, shade: int) -> World:
    """Give an operator a row in every table, through the services the doors call."""
    at, names = timezone.now(), {"operator": operator.public_id}
    names["key"] = issue_api_key(operator_id=operator.id, name="integration", scopes=KEY_SCOPES)
    names["code"] = signage.services.start_pairing(kind="signage", remote=f"waiting {operator.slug}", at=at).code
    add_member(operator_id=operator.id, email=f"{operator.slug}@example.org", password="a-long-one-1", role=Role.OWNER)
    with operator_scope(operator.id):
        _places(operator.id, at, names)
        _catalogue(operator.id, at, names, shade)
        _people(operator.id, at, names)
        _models(operator.id, names, folder, shade)
        _log(operator.id, at, names)
        _calibrated(operator.id, at)
        _explored(operator.id, at)
        _granted(operator.id, at)
        Reply.objects.create(
            operator_id=operator.id, key="an-earlier-key", actor=ACTOR, digest=b"d", status=200, body=b"b"
        )
    return World(operator.id, names)


def _granted(operator_id: UUID, at: datetime) -> None:
    privacy.services.grant(
        operator_id=operator_id, epsilon=Decimal(4), delta=Decimal("0.0001"), reason="this year", actor=ACTOR, at=at
    )


def _calibrated(operator_id: UUID, at: datetime) -> None:
    made = calibration.Calibration(
        contract="emb_0123456789abcdef", made_at=at, target=0.01, gallery_size=2, threshold=0.4,
        threshold_interval=(0.38, 0.43), rate_interval=(0.0, 0.02), level=0.95, margin=0.05,
        method=calibration.Method.EMPIRICAL, impostors=1200, searches=1200,
    )  # fmt: skip
    identities.models.Calibration.objects.create(
        operator_id=operator_id, contract=made.contract, content=made.fields()
    )  # fmt: skip


def _explored(operator_id: UUID, at: datetime) -> None:
    played = Observations(("lobby",), ("food",), ("crv_bread",), np.array([-3.0]), np.array([20]), np.array([2]))
    keep_posterior(operator_id=operator_id, model="uniform", posterior=learn(played), until=at)


def _places(operator_id: UUID, at: datetime, names: dict[str, str]) -> None:
    shared: dict[str, Any] = {"operator_id": operator_id, "actor": ACTOR}
    venue = signage.services.add_venue(name="Mall", category="retail.grocery", timezone="Europe/Berlin", **shared)
    scene = signage.services.add_scene(venue_id=venue.id, key="lobby", name="Lobby", policy="retail", slots=2, **shared)
    screen = signage.services.add_screen(venue_id=venue.id, name="Door", default_scene_id=scene.id, **shared)
    pairing = signage.services.start_pairing(kind="kiosk", remote=str(operator_id), at=at)
    player = signage.services.claim(code=pairing.code, screen_id=screen.id, at=at, **shared)
    collected = signage.services.collect(pairing_id=pairing.pairing_id, secret=pairing.secret, at=at)
    assert collected.token is not None
    names |= {
        "venue": venue.public_id, "scene": scene.public_id, "screen": screen.public_id, "player": player.public_id,
        "device": collected.token, "pairing": pairing.public_id,
    }  # fmt: skip


def _catalogue(operator_id: UUID, at: datetime, names: dict[str, str], shade: int) -> None:
    shared: dict[str, Any] = {"operator_id": operator_id, "actor": ACTOR}
    advertiser = catalog.services.add_advertiser(name="Acme", **shared)
    campaign = catalog.services.add_campaign(
        advertiser_id=advertiser.id, name="Autumn", starts_at=at - timedelta(days=1), ends_at=at + timedelta(days=9),
        budget_micros=10_000_000, price_micros=20_000, state="active", **shared,
    )  # fmt: skip
    media = catalog.services.store_media(data=draw(shade), content_type="image/png", **shared)
    for title, paid in (("Bread", None), ("Boots", campaign.id)):
        creative = catalog.services.add_creative(
            title=title, category="food", duration_ms=8000, media_id=media.id, campaign_id=paid, **shared
        )
        catalog.services.approve_creative(creative_id=creative.id, **shared)
    names |= {
        "advertiser": advertiser.public_id, "campaign": campaign.public_id, "creative": creative.public_id,
        "media": media.public_id, "sha256": media.sha256,
    }  # fmt: skip


def _people(operator_id: UUID, at: datetime, names: dict[str, str]) -> None:
    notice = subjects.services.publish_notice(operator_id=operator_id, title="Be known", text="What we do.")
    subjects.services.show_notice(operator_id=operator_id, notice=notice, channel="kiosk", at=at)
    terms: dict[str, Any] = {
        "operator_id": operator_id, "origin": "kiosk", "notice": notice, "channel": "kiosk", "actor": "device:test",
        "purposes": ["recognise", "personalise", "learn"], "method": "tick_box", "at": at - timedelta(minutes=1),
    }  # fmt: skip
    identities.services.supervise(operator_id=operator_id, supervision=Supervision.ATTENDED, actor=ACTOR)
    gone, stays = (subjects.services.register(**terms) for _ in range(2))
    privacy.services.erase(operator_id=operator_id, subject_id=gone.subject.id, actor=ACTOR, at=at)
    put_on_record(operator_id, identities.faces.read(operator_id))
    Template.objects.create(
        operator_id=operator_id, subject_id=stays.subject.id, contract="none", embedding=[0.6, 0.8], quality={}
    )
    asked = privacy.services.ask(
        operator_id=operator_id, subject_id=stays.subject.id, kind="access", channel="api", actor=ACTOR, at=at
    )
    assert stays.loyalty_token is not None
    names |= {
        "notice": notice.public_id, "subject": stays.subject.public_id, "token": stays.receipt_token,
        "loyalty": stays.loyalty_token, "rights_request": asked.public_id,
    }  # fmt: skip
    subjects.services.remember(
        operator_id=operator_id, entries=[(stays.subject.id, names["creative"], "food", at - timedelta(hours=1))]
    )


def _models(operator_id: UUID, names: dict[str, str], folder: Path, shade: int) -> None:
    for probability in (shade / 1000, shade / 500, shade / 250):
        source = folder / f"{probability}.onnx"
        source.write_bytes(constant_model(probability))
        version = registry.services.register(
            operator_id=operator_id, source=source, seed=7, code_version="0.1.0+test", actor=ACTOR
        )
        if probability != shade / 250:
            registry.services.activate(operator_id=operator_id, version_id=version.id, actor=ACTOR)
    _tried(operator_id, folder, shade)
    run = training.services.request_run(operator_id=operator_id, trigger="demand", actor=ACTOR)
    training.services.begin(operator_id=operator_id, run_id=run.id, at=timezone.now())
    training.services.record_dataset(
        operator_id=operator_id, run_id=run.id, sha256="0" * 64, rows=1, size=1, viewers=[], consent_snapshot={},
        exported_at=timezone.now(),
    )  # fmt: skip
    names |= {"model": version.public_id, "run": run.public_id}


def _tried(operator_id: UUID, folder: Path, shade: int) -> None:
    """Have had a version tried, with what is observed of it, and an alert about the one that serves."""
    source = folder / f"tried-{shade}.onnx"
    source.write_bytes(constant_model(shade / 1001))
    tried = registry.services.register(
        operator_id=operator_id, source=source, seed=7, code_version="0.1.0+test", actor=ACTOR
    )
    registry.services.start_shadow(operator_id=operator_id, version_id=tried.id, actor=ACTOR)
    registry.services.retire(operator_id=operator_id, version_id=tried.id, actor=ACTOR)
    registry.services.set_policy(operator_id=operator_id, changes={"canary_share": 0.2}, actor=ACTOR)
    at = timezone.now()
    registry.models.Observation.objects.create(
        operator_id=operator_id, decision_id=tried.id, stage="shadow", model=tried.file_digest, at=at, took_us=900,
        scores=[0.5], agreement=1.0, same_first=True,
    )  # fmt: skip
    drifted = Finding("feature", "scene", "moderate", 0.2, 0.1, "scene is distributed otherwise.")
    training.alerting.settle(operator_id=operator_id, version_id=tried.id, findings=[drifted], at=at)


def _log(operator_id: UUID, at: datetime, names: dict[str, str]) -> None:
    claim = identities.viewers.ViewerClaim(
        operator_id=operator_id, screen_id=_uuid(names["screen"]), subject_id=_uuid(names["subject"]),
        state=identities.viewers.ViewerState.RECOGNISED, expires_at=at + timedelta(minutes=5),
        how=identities.viewers.How.LOYALTY,
    )  # fmt: skip
    names["viewer"] = identities.viewers.issue(claim)
    slate = decide(
        operator_id=operator_id, player_id=_uuid(names["player"]), wish=Wish(viewers=(names["viewer"],)), at=at
    )
    names["decision"] = public_id("dec", slate.decision_id)
    shared = {"decision": names["decision"], "position": 0}
    for position in range(len(slate.places)):
        batch = [
            {"event_id": str(uuid4()), "kind": "play", "started_at": utc(at), "duration_ms": 8000}
            | shared | {"position": position},
            {"event_id": str(uuid4()), "kind": "touch", "at": utc(at + timedelta(seconds=2))} | shared,
        ]  # fmt: skip
        events.services.ingest(
            operator_id=operator_id, screen_id=_uuid(names["screen"]), batch=batch, sent_at=None,
            received_at=at + timedelta(seconds=9), player_id=_uuid(names["player"]),
        )  # fmt: skip
    events.services.begin_staff(
        operator_id=operator_id, subject_id=_uuid(names["subject"]), since=at + timedelta(days=1), actor=ACTOR
    )  # fmt: skip
    lines = [events.services.Interaction(1, _uuid(names["creative"]), at, True)]
    events.services.import_interactions(operator_id=operator_id, source="movielens", rows=lines)


def _uuid(public: str) -> UUID:
    return parse_public_id(public.partition("_")[0], public)


def constant_model(probability: float) -> bytes:
    """Return a model that gives every row the same probability."""
    numbers = {"zero": 0.0, "probability": probability}
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["creative", "hour"], ["pairs"]),
            helper.make_node("Cast", ["pairs"], ["number"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["number", "zero"], ["nothing"]),
            helper.make_node("Add", ["nothing", "probability"], ["scores"]),
        ],
        "constant",
        [
            helper.make_tensor_value_info("creative", TensorProto.INT32, ["groups", "candidates"]),
            helper.make_tensor_value_info("hour", TensorProto.INT32, ["viewers", 1]),
        ],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["viewers", "candidates"])],
        [helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in numbers.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    about = ModelMetadata(
        kind="deepfm", spec=DEFAULT_SPEC.digest, data="0" * 64, trained_at="2026-11-22T02:30:00+00:00",
        calibration=Calibration(), graph=SPLIT,
    )  # fmt: skip
    helper.set_model_props(model, about.properties())
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def json_bodies() -> dict[str, Callable[[Mapping[str, str]], dict[str, Any]]]:
    """A body of each write that takes one, as a function of the names of a world."""
    now = timezone.now()
    flight = {"starts_at": utc(now), "ends_at": utc(now + timedelta(days=3)), "budget_micros": 10**6}
    touch = {"event_id": str(uuid4()), "kind": "touch", "position": 0, "at": utc(now)}
    return {
        "add_advertiser": lambda names: {"name": "Baker"},
        "add_campaign": lambda names: {
            "advertiser": names["advertiser"], "name": "Winter", "price_micros": 10, **flight
        },
        "set_campaign_state": lambda names: {"state": "paused"},
        "add_creative": lambda names: {
            "title": "Cake", "category": "food", "duration_ms": 8000, "campaign": names["campaign"],
            "media": names["media"],
        },
        "review_creative": lambda names: {"approved": False, "reason": "too loud"},
        "add_venue": lambda names: {"name": "Depot", "category": "retail.grocery", "timezone": "Europe/Berlin"},
        "add_screen": lambda names: {"venue": names["venue"], "name": "Till", "default_scene": names["scene"]},
        "add_scene": lambda names: {"venue": names["venue"], "key": "till", "name": "Till"},
        "claim_pairing": lambda names: {"code": names["code"], "screen": names["screen"]},
        "start_pairing": lambda names: {"kind": "kiosk"},
        "create_decision": lambda names: {"viewers": [names["viewer"]], "audience": {"count": 1}},
        "report_events": lambda names: {"events": [{**touch, "decision": names["decision"]}]},
        "recognise": lambda names: {"token": names["loyalty"]},
        "register_subject": lambda names: {
            "notice": names["notice"], "purposes": ["personalise"], "venue": names["venue"]
        },
        "give_consent": lambda names: {
            "subject": names["subject"], "notice": names["notice"], "purposes": ["measure"], "venue": names["venue"]
        },
        "withdraw_consents": lambda names: {"subject": names["subject"], "purposes": ["learn"]},
        "withdraw_by_receipt": lambda names: {"purposes": ["learn"]},
        "record_notice_view": lambda names: {"notice": names["notice"], "screen": names["screen"]},
        "make_rights_request": lambda names: {"subject": names["subject"], "kind": "erasure"},
        "grant_privacy_budget": lambda names: {"epsilon": "1.5", "delta": "0.00001", "reason": "this year"},
        "request_private_run": lambda names: {"epsilon": "0.5", "delta": "0.000001"},
        "activate_model": lambda names: {},
        "roll_back_model": lambda names: {},
        "shadow_model": lambda names: {"share": 0.5},
        "canary_model": lambda names: {"share": 0.5},
        "retire_model": lambda names: {"reason": "not needed"},
        "set_model_policy": lambda names: {"route": "canary", "gates": {"auc_tolerance": 0.01}},
        "request_run": lambda names: {},
    }  # fmt: skip


@pytest.fixture
def bodies() -> dict[str, Callable[[Mapping[str, str]], dict[str, Any]]]:
    """A body of each write that takes one."""
    return json_bodies()

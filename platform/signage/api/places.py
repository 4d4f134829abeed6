"""Venues, screens and scenes over HTTP."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import caller
from core.idempotency import idempotent
from core.ids import parse_public_id
from core.pagination import PARAMETERS, listed, page_of
from signage import selectors, services
from signage.api.scopes import ReadOrWrite
from signage.api.shapes import (
    NewSceneSerializer,
    NewScreenSerializer,
    NewVenueSerializer,
    SceneSerializer,
    ScreenSerializer,
    VenueSerializer,
    checked,
    scene_document,
    screen_document,
    venue_document,
)


class Venues(ReadOrWrite):
    """The operator's places."""

    @extend_schema(operation_id="list_venues", parameters=PARAMETERS, responses=page_of(VenueSerializer))
    def get(self, request: Request) -> Response:
        """List venues, newest first."""
        return listed(request, selectors.venues(operator_id=caller(request).operator_id), venue_document)

    @extend_schema(operation_id="add_venue", request=NewVenueSerializer, responses={201: VenueSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Add a venue."""
        body = checked(NewVenueSerializer, request.data)
        venue = services.add_venue(
            operator_id=caller(request).operator_id, name=body["name"], category=body["category"],
            timezone=body["timezone"], actor=caller(request).actor,
        )  # fmt: skip
        return Response(venue_document(venue), status=201)


class Venue(APIView):
    """One place."""

    scopes = ("read", "write")

    @extend_schema(operation_id="read_venue", responses=VenueSerializer)
    def get(self, request: Request, venue: str) -> Response:
        """Read one venue."""
        venue_id = parse_public_id("ven", venue)
        return Response(venue_document(selectors.get_venue(operator_id=caller(request).operator_id, venue_id=venue_id)))


class Screens(ReadOrWrite):
    """The operator's displays."""

    @extend_schema(operation_id="list_screens", parameters=PARAMETERS, responses=page_of(ScreenSerializer))
    def get(self, request: Request) -> Response:
        """List screens, newest first."""
        return listed(request, selectors.screens(operator_id=caller(request).operator_id), screen_document)

    @extend_schema(operation_id="add_screen", request=NewScreenSerializer, responses={201: ScreenSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Add a screen to a venue."""
        body = checked(NewScreenSerializer, request.data)
        scene = body["default_scene"]
        screen = services.add_screen(
            operator_id=caller(request).operator_id, venue_id=parse_public_id("ven", body["venue"]), name=body["name"],
            width=body["width"], height=body["height"],
            default_scene_id=parse_public_id("scn", scene) if scene else None, actor=caller(request).actor,
        )  # fmt: skip
        return Response(screen_document(screen), status=201)


class Screen(APIView):
    """One display."""

    scopes = ("read", "write")

    @extend_schema(operation_id="read_screen", responses=ScreenSerializer)
    def get(self, request: Request, screen: str) -> Response:
        """Read one screen."""
        screen_id = parse_public_id("scr", screen)
        return Response(
            screen_document(selectors.get_screen(operator_id=caller(request).operator_id, screen_id=screen_id))
        )


class Scenes(ReadOrWrite):
    """The operator's scenes."""

    @extend_schema(operation_id="list_scenes", parameters=PARAMETERS, responses=page_of(SceneSerializer))
    def get(self, request: Request) -> Response:
        """List scenes, newest first."""
        return listed(request, selectors.scenes(operator_id=caller(request).operator_id), scene_document)

    @extend_schema(operation_id="add_scene", request=NewSceneSerializer, responses={201: SceneSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Add a scene to a venue."""
        body = checked(NewSceneSerializer, request.data)
        scene = services.add_scene(
            operator_id=caller(request).operator_id, venue_id=parse_public_id("ven", body["venue"]), key=body["key"],
            name=body["name"], policy=body.get("policy"), slots=body["slots"], criteria=body["criteria"],
            actor=caller(request).actor,
        )  # fmt: skip
        return Response(scene_document(scene), status=201)


class Scene(APIView):
    """One scene."""

    scopes = ("read", "write")

    @extend_schema(operation_id="read_scene", responses=SceneSerializer)
    def get(self, request: Request, scene: str) -> Response:
        """Read one scene."""
        scene_id = parse_public_id("scn", scene)
        return Response(scene_document(selectors.get_scene(operator_id=caller(request).operator_id, scene_id=scene_id)))

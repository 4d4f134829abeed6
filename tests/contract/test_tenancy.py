"""One operator is out of another's reach: in the database, and through every operation that takes a name."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.apps import apps
from django.db import connection

from core.ids import new_id, public_id
from core.tenancy import operator_scope, platform_scope

GLOBAL = {"accounts_operator", "accounts_user"}
FRAMEWORK = {"auth", "contenttypes", "sessions"}
PUBLIC_ID = re.compile(r"([a-z]{2,4})_[0-9a-z]{26}")

CREDENTIALS = {"token", "pairing"}
"""Names in a path that are a credential by themselves or need one of their own, whoever calls."""

REMARKS = {("record_notice_view", "screen"), ("register_subject", "venue"), ("give_consent", "venue")}
"""Fields that are written down and never looked up: whose name it is makes no difference to anybody."""


SEEN = {"signage_player": ""}
"""Where it is noted when a player was last heard of, whatever it said."""


def tenant_tables() -> list[str]:
    models = [model for model in apps.get_models() if model._meta.app_label not in FRAMEWORK]
    return sorted({model._meta.db_table for model in models} - GLOBAL)


def counts() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{table}', count(*) FROM \"{table}\"" for table in tenant_tables()))
        return dict(cursor.fetchall())


def test_without_a_scope_every_table_is_empty(world: Any) -> None:
    with platform_scope():
        empty = [table for table, rows in counts().items() if rows == 0]
    assert empty == []  # else the assertion below would prove nothing about these tables

    assert {table: rows for table, rows in counts().items() if rows} == {}


def test_in_an_operators_scope_the_rows_of_others_do_not_exist(world: Any, other_world: Any) -> None:
    foreign = {}
    with operator_scope(world.operator_id), connection.cursor() as cursor:
        for table in tenant_tables():
            cursor.execute(f'SELECT count(*) FROM "{table}" WHERE operator_id IS DISTINCT FROM %s', [world.operator_id])
            foreign[table] = cursor.fetchone()[0]

    assert {table: rows for table, rows in foreign.items() if rows} == {}
    assert len(foreign) > 25


def test_every_name_in_a_path_is_refused_when_it_is_another_operators(
    operations: Any, bodies: Any, world: Any, other_world: Any, tables: Callable[[], dict[str, str]], undone: Any
) -> None:
    before, own, foreign = tables(), {}, {}
    for operation in operations.values():
        for name in set(operation.parameters) - CREDENTIALS:
            body = bodies[operation.id](world.names) if operation.method == "post" else {}
            call = getattr(world.client(), operation.method)
            with undone():
                response = call(operation.url(world.names), body, format="json")
                own[operation.id] = response.status_code
                b"".join(response)  # a file is closed by whoever reads it
            response = call(operation.url({**world.names, name: other_world.names[name]}), body, format="json")
            foreign[operation.id] = (response.status_code, response["Content-Type"])

    assert {id: status for id, status in own.items() if status >= 400} == {}
    assert set(foreign.values()) == {(404, "application/problem+json")}, foreign
    assert len(foreign) > 10
    assert tables() == before


def test_a_pairing_is_told_to_its_device_alone(world: Any, other_world: Any, tables: Callable[[], Any]) -> None:
    before = tables()

    response = world.client("device").get(f"/v1/players/pairings/{other_world.names['pairing']}")

    assert response.status_code in {401, 403, 404}
    assert tables() == before


def test_an_enrolment_under_another_operators_notice_is_refused(
    world: Any, other_world: Any, portrait: Any, tables: Callable[[], dict[str, str]]
) -> None:
    before = tables()

    response = world.client("device").post(
        "/v1/enrolments",
        {"frame": portrait(), "notice": other_world.names["notice"], "purposes": ["recognise"], "attended": True},
        format="multipart",
    )

    assert (response.status_code, response.json()["code"]) == (404, "unknown_notice")
    assert {**tables(), **SEEN} == {**before, **SEEN}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, (*path, number))
    elif isinstance(value, str):
        yield path, value


def changed(value: Any, path: tuple[Any, ...], leaf: str) -> Any:
    if not path:
        return leaf
    if isinstance(value, Mapping):
        return {key: changed(inner, path[1:], leaf) if key == path[0] else inner for key, inner in value.items()}
    return [changed(inner, path[1:], leaf) if number == path[0] else inner for number, inner in enumerate(value)]


def outcome(response: Any) -> tuple[int, Any]:
    body = response.json()
    if response.status_code == 200 and "results" in body:  # events are answered one by one
        return 200, [result["status"] for result in body["results"]]
    return response.status_code, body.get("code")


def test_every_name_in_a_body_is_refused_when_it_is_another_operators(
    operations: Any, bodies: Any, world: Any, other_world: Any, tables: Callable[[], dict[str, str]], undone: Any
) -> None:
    wrong, tried = {}, []
    for id, make in bodies.items():
        operation = operations[id]
        own = {value: name for name, value in world.names.items() if name != "code"}  # a code is nobody's yet
        for path, value in leaves(make(world.names)):
            if value not in own:
                continue
            field, before = str(path[-1] if isinstance(path[-1], str) else path[0]), tables()
            with undone():
                body = changed(make(world.names), path, other_world.names[own[value]])
                response = world.client(operation.credential).post(operation.url(world.names), body, format="json")
                untouched = {**tables(), **SEEN} == {**before, **SEEN}
            unknown = PUBLIC_ID.sub(lambda found: public_id(found[1], new_id()), value) if "_" in value else "nobody's"
            with undone():
                body = changed(make(world.names), path, unknown)
                stranger = world.client(operation.credential).post(operation.url(world.names), body, format="json")
            tried.append((id, field))
            refused = response.status_code in {404, 403, 422} or outcome(response) == (200, ["rejected"])
            alike = outcome(response) == outcome(stranger) or PUBLIC_ID.fullmatch(value) is None
            if not (((refused and untouched) or (id, field) in REMARKS) and alike):
                wrong[(id, field)] = (outcome(response), outcome(stranger), untouched)

    assert wrong == {}
    assert len(tried) > 15

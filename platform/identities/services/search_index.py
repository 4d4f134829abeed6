"""Give each large gallery a search index of its own, and take it away when the gallery is gone."""

from uuid import UUID

from django.db import connection
from psycopg2 import sql

from core.tenancy import operator_scope
from identities import selectors
from identities.faces import read
from identities.hnsw_engine import index_name, indexes

INDEX_FROM = 50_000
"""Templates from which a gallery is worth an index; below, comparing all of them is as fast and exact."""

_MEMORY = "1GB"


def index_galleries(*, operator_id: UUID, index_from: int = INDEX_FROM, concurrently: bool = True) -> list[str]:
    """Make the indexes of an operator's large galleries; return the names of those that were made.

    An index that a crash left incomplete is made again.

    Args:
        index_from: templates of a gallery from which it gets an index.
        concurrently: let enrolments go on meanwhile, which PostgreSQL only does outside of a transaction.
    """
    with operator_scope(operator_id):
        wanted = {
            space.id: space.contract.dimension
            for space in read(operator_id)
            if selectors.count_under(operator_id=operator_id, contract=space.id, limit=index_from) >= index_from
        }
    complete = indexes()
    made = []
    for contract, dimension in wanted.items():
        name = index_name(operator_id, contract)
        if not complete.get(name):
            _drop(name, concurrently)
            make_index(operator_id=operator_id, contract=contract, dimension=dimension, concurrently=concurrently)
            made.append(name)
    return made


def drop_index(*, operator_id: UUID, contract: str, concurrently: bool = True) -> None:
    """Drop the index of a gallery, if it has one."""
    _drop(index_name(operator_id, contract), concurrently)


def make_index(*, operator_id: UUID, contract: str, dimension: int, concurrently: bool = True) -> None:
    """Make the index of a gallery, which has none yet; see :func:`index_galleries`.

    Args:
        dimension: numbers in one template.
    """
    name = sql.Identifier(index_name(operator_id, contract))
    query = sql.SQL(
        "CREATE INDEX {concurrently} {name} ON identities_template"
        " USING hnsw ((embedding::vector({dimension})) vector_ip_ops) WITH (m = 16, ef_construction = 128)"
        " WHERE operator_id = {operator} AND contract = {contract}"
    ).format(
        concurrently=sql.SQL("CONCURRENTLY" if concurrently else ""), name=name,
        dimension=sql.Literal(dimension), operator=sql.Literal(str(operator_id)), contract=sql.Literal(contract),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('maintenance_work_mem')")
        before = cursor.fetchone()[0]
        cursor.execute("SELECT set_config('maintenance_work_mem', %s, false)", [_MEMORY])
        cursor.execute(query)
        cursor.execute("SELECT set_config('maintenance_work_mem', %s, false)", [before])


def _drop(name: str, concurrently: bool) -> None:
    how = sql.SQL("CONCURRENTLY" if concurrently else "")
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP INDEX {} IF EXISTS {}").format(how, sql.Identifier(name)))

"""How clients find the servers of a state directory."""

from urllib.parse import quote

from servers import cluster, valkey
from servers.state import State


def database_url(state: State) -> str:
    """Return ``postgresql://vitrine:PASSWORD@/vitrine?host=DIRECTORY`` for the application's plain role."""
    password = state.secret("application")
    return f"postgresql://{cluster.ROLE}:{password}@/{cluster.DATABASE}?host={quote(str(state.sockets))}"


def redis_url(state: State) -> str:
    """Return ``unix://PATH?db=0``, the form redis-py reads."""
    return f"unix://{quote(str(valkey.socket_path(state)))}?db=0"


def environment(state: State) -> dict[str, str]:
    """Return the two variables that point an application at the servers."""
    return {"DATABASE_URL": database_url(state), "REDIS_URL": redis_url(state)}

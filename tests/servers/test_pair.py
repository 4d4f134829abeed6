import psycopg2
import pytest
import redis

from servers import postgres, valkey
from servers.errors import NotReady
from servers.pair import Pair
from servers.state import open_state
from servers.urls import environment


def test_a_deep_state_directory_below_a_closed_one_is_no_obstacle(new_root):
    new_root.parent.chmod(0o700)
    state = open_state(new_root / ("d" * 60) / ("e" * 60))

    with Pair(state, durable=False):
        found = environment(state)
        psycopg2.connect(found["DATABASE_URL"]).close()
        with redis.Redis.from_url(found["REDIS_URL"]) as client:
            assert client.ping()

    assert not postgres.answers(state)
    assert not valkey.answers(state)
    state.sockets.rmdir()


def test_neither_runs_when_one_cannot(own_state):
    (own_state.home / "redis" / "data" / "appendonlydir").mkdir(parents=True)
    (own_state.home / "redis" / "data" / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense")

    with pytest.raises(NotReady):
        Pair(own_state, durable=False).start()

    assert not postgres.answers(own_state)

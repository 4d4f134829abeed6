import signal

import pytest
import redis

from servers import process, valkey
from servers.errors import NotReady
from servers.report import wait_for
from servers.urls import redis_url
from servers.valkey import Valkey


def test_it_refuses_to_forget(running):
    with redis.Redis.from_url(redis_url(running.valkey.state), decode_responses=True) as client:
        found = client.config_get("maxmemory-policy", "appendonly", "appendfsync", "crash-log-enabled")

    assert found == {
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "crash-log-enabled": "no",
    }


def test_it_listens_on_no_tcp_port(running, tcp_sockets):
    assert tcp_sockets(running.valkey.pid) == set()
    assert valkey.socket_path(running.valkey.state).is_socket()


@pytest.mark.fault
def test_acknowledged_writes_survive_a_killed_server(own_state):
    server = Valkey(own_state)
    server.start()
    with redis.Redis.from_url(redis_url(own_state)) as client:
        for number in range(200):
            client.rpush("queue", number)
    process.send(server.pid, signal.SIGKILL)
    wait_for("the end", lambda: server.pid is None, timeout=20.0)

    server.start()

    with redis.Redis.from_url(redis_url(own_state)) as client:
        assert client.lrange("queue", -1, -1) == [b"199"]
        assert client.llen("queue") == 200
    server.stop()
    assert not valkey.answers(own_state)


@pytest.mark.fault
def test_a_server_left_behind_is_ended_first(own_state):
    former = Valkey(own_state)
    former.start()

    latter = Valkey(own_state)
    latter.start()

    assert former.pid is None
    assert valkey.answers(own_state)
    latter.stop()


def test_a_server_that_cannot_start_names_its_log(own_state):
    server = Valkey(own_state)
    (server.data / "appendonlydir").mkdir(parents=True)
    (server.data / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")

    with pytest.raises(NotReady, match=r"Valkey ended instead of becoming ready.*redis\.log"):
        server.start()

    assert server.pid is None

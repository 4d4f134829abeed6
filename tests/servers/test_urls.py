from urllib.parse import parse_qs, urlsplit

import psycopg2
import redis

from servers.state import open_state
from servers.urls import environment


def test_both_addresses_have_the_documented_form(new_root):
    new_root.parent.chmod(0o755)
    state = open_state(new_root)

    found = environment(state)

    assert found == {
        "DATABASE_URL": f"postgresql://vitrine:{state.secret('application')}@/vitrine?host={new_root}/run",
        "REDIS_URL": f"unix://{new_root}/run/redis.sock?db=0",
    }


def test_unusual_characters_are_quoted(new_root):
    new_root.parent.chmod(0o755)
    state = open_state(new_root.with_name("a b?c"))

    parts = urlsplit(environment(state)["DATABASE_URL"])

    assert parse_qs(parts.query)["host"] == [str(state.sockets)]


def test_the_clients_understand_them(running):
    found = environment(running.postgres.state)

    psycopg2.connect(found["DATABASE_URL"]).close()
    with redis.Redis.from_url(found["REDIS_URL"]) as client:
        assert client.ping()

"""Keys outside the database: sealed files, wrapped by the master key or by a key management service."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.management import CommandError, call_command

from accounts.models import Operator
from core.problems import Unavailable
from core.tenancy import operator_scope
from faceid.errors import ProtectionSealed
from faceid.protect import Protection
from faceid.sealed import MasterKey
from identities import faces, keys
from identities.errors import KeyServiceDown, ProtectionKeyLost
from identities.keys import FileKeyStore
from identities.kms import TransitKey

MASTER, OTHER = MasterKey(bytes(range(32))), MasterKey(bytes(32))
OPERATOR = UUID(int=7)
SECRET = "the token of the test"


@pytest.fixture
def kept(tmp_path: Path) -> FileKeyStore:
    """A store of its own folder."""
    return FileKeyStore(tmp_path / "keys", MASTER)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_first_key_is_drawn_once(kept: FileKeyStore, tmp_path: Path) -> None:
    first, again = kept.draw(OPERATOR, 128), kept.draw(OPERATOR, 128)

    assert first.key_id == again.key_id == kept.open(OPERATOR, first.key_id).key_id
    assert files(tmp_path / "keys") == [f"{OPERATOR}.key"]


def test_many_at_once_draw_one_key(tmp_path: Path) -> None:
    drawn: list[str] = []
    stores = [FileKeyStore(tmp_path / "keys", MASTER) for _ in range(8)]
    threads = [threading.Thread(target=lambda one=one: drawn.append(one.draw(OPERATOR, 64).key_id)) for one in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(drawn) == 8
    assert len(set(drawn)) == 1


def test_keys_are_private_files_in_the_order_they_came(kept: FileKeyStore, tmp_path: Path) -> None:
    first = kept.draw(OPERATOR, 16)
    later = [Protection.generate(16) for _ in range(3)]
    for key in later:
        kept.add(OPERATOR, key)

    assert kept.key_ids(OPERATOR) == [first.key_id, *[key.key_id for key in later]]
    for name in files(tmp_path / "keys"):
        path = tmp_path / "keys" / name
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_destroyed_key_is_lost_and_the_others_are_not(kept: FileKeyStore) -> None:
    first, second = kept.draw(OPERATOR, 16), Protection.generate(16)
    kept.add(OPERATOR, second)

    assert kept.destroy(OPERATOR, first.key_id)
    assert not kept.destroy(OPERATOR, first.key_id)

    with pytest.raises(ProtectionKeyLost):
        kept.open(OPERATOR, first.key_id)
    assert kept.open(OPERATOR, second.key_id).key_id == second.key_id


def test_a_key_is_overwritten_before_it_is_deleted(kept: FileKeyStore, tmp_path: Path) -> None:
    first = kept.draw(OPERATOR, 16)
    path = kept.path_of(OPERATOR)
    before = path.read_bytes()
    (tmp_path / "the same inode").hardlink_to(path)

    kept.destroy(OPERATOR, first.key_id)

    after = (tmp_path / "the same inode").read_bytes()
    assert len(after) == len(before)
    assert sum(a == b for a, b in zip(after, before, strict=True)) < len(before) / 10


def test_all_keys_go_even_those_that_cannot_be_opened(kept: FileKeyStore) -> None:
    kept.draw(OPERATOR, 16)
    kept.path_of(OPERATOR).write_bytes(b"damaged")

    assert kept.destroy_all(OPERATOR) == 1
    assert kept.key_ids(OPERATOR) == []


def test_a_key_file_of_somebody_else_does_not_open(kept: FileKeyStore) -> None:
    kept.draw(OPERATOR, 16)
    rival = uuid4()
    kept.path_of(OPERATOR).rename(kept.path_of(rival))

    with pytest.raises(Unavailable):
        kept.first(rival)


def test_what_is_in_memory_does_not_outlive_the_file(kept: FileKeyStore) -> None:
    first = kept.draw(OPERATOR, 16)
    kept.open(OPERATOR, first.key_id)
    kept.path_of(OPERATOR).unlink()

    with pytest.raises(ProtectionKeyLost):
        kept.open(OPERATOR, first.key_id)


def test_a_new_master_key_wraps_the_keys_anew_and_changes_none(kept: FileKeyStore, tmp_path: Path) -> None:
    first, second = kept.draw(OPERATOR, 16), Protection.generate(16)
    kept.add(OPERATOR, second)
    bodies = [path.read_bytes()[-(16 * 16 * 4 + 28) :] for path in sorted((tmp_path / "keys").rglob("*.key"))]
    both = FileKeyStore(tmp_path / "keys", OTHER, [MASTER])

    assert (both.rewrap(OPERATOR), both.rewrap(OPERATOR)) == (2, 0)

    alone = FileKeyStore(tmp_path / "keys", OTHER)
    keys._opened.clear()
    assert alone.key_ids(OPERATOR) == [first.key_id, second.key_id]
    assert bodies == [path.read_bytes()[-(16 * 16 * 4 + 28) :] for path in sorted((tmp_path / "keys").rglob("*.key"))]
    keys._opened.clear()
    with pytest.raises(Unavailable):
        kept.first(OPERATOR)


def test_a_key_of_the_first_version_goes_on_and_gets_an_envelope(kept: FileKeyStore) -> None:
    key, nonce = Protection.generate(16), bytes(12)
    matrix = key.apply(np.eye(16, dtype=np.float32)).astype("<f4").tobytes()
    kept.path_of(OPERATOR).parent.mkdir()
    kept.path_of(OPERATOR).write_bytes(
        b"VPK1" + nonce + AESGCM(MASTER.key).encrypt(nonce, matrix, b"orthonormal-1")
    )  # fmt: skip
    opened = kept.first(OPERATOR)
    assert opened is not None

    assert kept.rewrap(OPERATOR) == 1

    keys._opened.clear()
    assert kept.path_of(OPERATOR).read_bytes().startswith(b"VEN1")
    assert kept.open(OPERATOR, opened.key_id).key_id == opened.key_id


class FakeTransit(BaseHTTPRequestHandler):
    """A stand-in for the key management service at the edge: the two calls of a transit engine, in memory."""

    master = bytes(range(100, 132))
    seen: list[tuple[str, str | None]] = []
    answer: tuple[int, bytes] | None = None

    def do_POST(self) -> None:
        """Encrypt or decrypt what the body holds."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).seen.append((self.path, self.headers["X-Vault-Token"]))
        status, reply = self.answer or self._do(body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(reply)))
        if 300 <= status < 400:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(reply)

    def _do(self, body: dict[str, str]) -> tuple[int, bytes]:
        if self.headers["X-Vault-Token"] != SECRET:
            return 403, b"{}"
        cipher = AESGCM(self.master)
        if self.path == "/v1/transit/encrypt/vitrine":
            sealed = cipher.encrypt(bytes(12), base64.b64decode(body["plaintext"]), None)
            return 200, self._data("ciphertext", "vault:v1:" + base64.b64encode(sealed).decode())
        try:
            plain = cipher.decrypt(bytes(12), base64.b64decode(body["ciphertext"].removeprefix("vault:v1:")), None)
        except (InvalidTag, ValueError):
            return 400, b'{"errors": ["invalid ciphertext"]}'
        return 200, self._data("plaintext", base64.b64encode(plain).decode())

    def _data(self, name: str, value: str) -> bytes:
        return json.dumps({"data": {name: value}}).encode()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def transit(tmp_path: Path) -> Iterator[TransitKey]:
    """A wrapping key in the stand-in service."""
    FakeTransit.seen, FakeTransit.answer = [], None
    FakeTransit.master = bytes(range(100, 132))
    server = HTTPServer(("127.0.0.1", 0), FakeTransit)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    token = tmp_path / "token"
    token.write_text(SECRET + "\n")
    yield TransitKey(f"http://127.0.0.1:{server.server_port}/v1/transit", "vitrine", token)
    server.shutdown()
    server.server_close()
    thread.join()


class TestKeyService:
    """A key management service wraps data keys and sees nothing else."""

    def test_a_key_opens_through_the_service(self, transit: TransitKey, tmp_path: Path) -> None:
        kept = FileKeyStore(tmp_path / "keys", transit)

        first = kept.draw(OPERATOR, 16)
        keys._opened.clear()

        assert kept.open(OPERATOR, first.key_id).key_id == first.key_id
        assert next(path for path, _ in FakeTransit.seen) == "/v1/transit/encrypt/vitrine"
        assert {path for path, _ in FakeTransit.seen[1:]} == {"/v1/transit/decrypt/vitrine"}
        assert {token for _, token in FakeTransit.seen} == {SECRET}
        assert kept.path_of(OPERATOR).read_bytes()[7:].startswith(b"transit:vitrine")

    def test_an_opened_key_needs_the_service_no_more(self, transit: TransitKey, tmp_path: Path) -> None:
        kept = FileKeyStore(tmp_path / "keys", transit)
        first = kept.draw(OPERATOR, 16)
        asked = len(FakeTransit.seen)

        for _ in range(5):
            kept.open(OPERATOR, first.key_id)

        assert len(FakeTransit.seen) == asked

    def test_when_its_key_is_gone_ours_are_gone(self, transit: TransitKey, tmp_path: Path) -> None:
        kept = FileKeyStore(tmp_path / "keys", transit, [MASTER])
        first = kept.draw(OPERATOR, 16)
        keys._opened.clear()
        FakeTransit.master = bytes(32)

        with pytest.raises(Unavailable):
            kept.open(OPERATOR, first.key_id)
        with pytest.raises(ProtectionSealed):
            transit.unwrap(b"vault:v1:AAAA", b"")

    @pytest.mark.parametrize(
        "answer",
        [(403, b"{}"), (500, b"oops"), (200, b"no json"), (200, b"[]"), (200, b'{"data": 1}'), (200, b'{"data": {}}'),
         (302, b""), (200, b'{"data": {"ciphertext": 5}}')],
    )  # fmt: skip
    def test_an_answer_that_is_none_keeps_nothing(
        self, transit: TransitKey, tmp_path: Path, answer: tuple[int, bytes]
    ) -> None:
        FakeTransit.answer = answer
        kept = FileKeyStore(tmp_path / "keys", transit)

        with pytest.raises(KeyServiceDown) as refused:
            kept.draw(OPERATOR, 16)

        assert (refused.value.status, refused.value.code) == (503, "key_service_down")
        assert SECRET not in str(refused.value.detail)
        assert files(tmp_path / "keys") == []
        assert [path for path, _ in FakeTransit.seen] == ["/v1/transit/encrypt/vitrine"]

    def test_a_service_that_is_down_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "token").write_text(SECRET)
        nobody = TransitKey("http://127.0.0.1:9/v1/transit", "vitrine", tmp_path / "token")

        with pytest.raises(KeyServiceDown):
            FileKeyStore(tmp_path / "keys", nobody).draw(OPERATOR, 16)

    @pytest.mark.parametrize("url", ["http://kms.example/v1/transit", "ftp://127.0.0.1/", "file:///etc/passwd", ""])
    def test_a_token_is_not_sent_in_the_clear(self, url: str) -> None:
        with pytest.raises(ValueError, match="HTTPS"):
            TransitKey(url, "vitrine", Path("token"))

    def test_an_installation_moves_its_keys_to_the_service(
        self, operator: Operator, transit: TransitKey, settings: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = faces.protection(operator.id).key_id
        settings.KMS_URL, settings.KMS_KEY = transit.url, "vitrine"
        settings.KMS_TOKEN_FILE, settings.KMS_CA_FILE = str(transit.token_file), ""

        call_command("rewrap_template_keys")

        assert "1 keys wrapped anew" in capsys.readouterr().out
        keys._opened.clear()
        with operator_scope(operator.id):
            assert faces.protection(operator.id).key_id == before
        assert keys.store().path_of(operator.id).read_bytes()[7:].startswith(b"transit:")

        FakeTransit.answer = (503, b"sealed")
        settings.KMS_URL, settings.TEMPLATE_MASTER_KEY = "", bytes(32)
        with pytest.raises(CommandError, match="cannot be opened"):
            call_command("rewrap_template_keys")


def test_the_template_keys_have_a_master_key_of_their_own_if_one_is_named(operator: Operator, settings: Any) -> None:
    first = faces.protection(operator.id).key_id
    settings.TEMPLATE_MASTER_KEY = bytes(32)

    call_command("rewrap_template_keys")

    assert keys.store().wrapped_by == OTHER.name
    settings.MASTER_KEY = bytes(range(1, 33))
    keys._opened.clear()
    assert faces.protection(operator.id).key_id == first

    settings.TEMPLATE_MASTER_KEY, settings.TEMPLATE_MASTER_KEY_PREVIOUS = bytes(range(32)), bytes(32)
    call_command("rewrap_template_keys")
    settings.TEMPLATE_MASTER_KEY_PREVIOUS = b""
    keys._opened.clear()
    assert faces.protection(operator.id).key_id == first

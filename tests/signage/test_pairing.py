from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import Credential, Operator
from accounts.selectors import principal_of
from accounts.services import digest_of
from audit.selectors import latest
from core.epochs import Topic, versions
from core.ids import new_id
from core.problems import NotFound
from core.tenancy import operator_scope, platform_scope
from signage.errors import (
    PairingClaimed,
    PairingCollected,
    PairingExpired,
    TooManyPairings,
    UnknownPairing,
    WrongPairingSecret,
)
from signage.models import Pairing, Player, Screen
from signage.services import StartedPairing, claim, collect, pairing, start_pairing, touch, unpair

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SOON = NOW + timedelta(minutes=1)
ACTOR = "member:test"


def start(kind: str = "signage", remote: str = "192.0.2.7", at: datetime = NOW) -> StartedPairing:
    return start_pairing(kind=kind, remote=remote, at=at)


def claimed(operator: Operator, screen: Screen, kind: str = "signage") -> tuple[StartedPairing, Player]:
    started = start(kind)
    return started, claim(
        operator_id=operator.id, code=started.code, screen_id=screen.id, actor=ACTOR, at=SOON
    )  # fmt: skip


def test_a_code_waits_ten_minutes_and_keeps_only_digests(operator: Operator) -> None:
    started = start()

    with platform_scope():
        row = Pairing.objects.get()
        stored = repr(Pairing.objects.values().get())
    assert (len(started.code), started.expires_at) == (8, NOW + timedelta(minutes=10))
    assert (row.operator_id, row.player_id, row.claimed_at) == (None, None, None)
    assert started.secret not in stored
    assert "192.0.2.7" not in stored


def test_no_operator_sees_an_unclaimed_pairing(operator: Operator) -> None:
    start()

    assert Pairing.objects.count() == 0


def test_the_device_waits_until_its_code_is_claimed(operator: Operator) -> None:
    started = start()

    waiting = collect(pairing_id=started.pairing_id, secret=started.secret, at=SOON)

    assert (waiting.token, waiting.player_public_id) == (None, None)
    assert Credential.objects.count() == 0


def test_a_claimed_device_becomes_a_player_of_the_screen(operator: Operator, screen: Screen) -> None:
    before = versions(operator_id=operator.id)[Topic.SIGNAGE]

    _, player = claimed(operator, screen)

    assert (player.screen_id, player.kind, player.name) == (screen.id, "signage", "Till 1")
    assert versions(operator_id=operator.id)[Topic.SIGNAGE] == before + 1
    entry = latest(operator_id=operator.id)[0]
    assert (entry.action, entry.target, entry.actor) == ("player.paired", player.public_id, ACTOR)
    assert Credential.objects.count() == 0  # a token is made when it is fetched, not before


def test_a_person_may_type_the_code_as_they_read_it(operator: Operator, screen: Screen) -> None:
    started = start()
    typed = f" {started.code[:4].lower()}-{started.code[4:].lower()} "

    player = claim(operator_id=operator.id, code=typed, screen_id=screen.id, actor=ACTOR, at=SOON, name="Left wall")

    assert player.name == "Left wall"


def test_the_token_is_delivered_once_and_works(operator: Operator, screen: Screen) -> None:
    started, player = claimed(operator, screen)

    collected = collect(pairing_id=started.pairing_id, secret=started.secret, at=SOON)

    assert collected.token is not None
    assert (collected.player_public_id, collected.screen_public_id) == (player.public_id, screen.public_id)
    principal = principal_of(digest_of(collected.token), at=SOON)
    assert principal is not None
    assert principal.device_id == player.id
    assert principal.scopes == {"device"}
    with pytest.raises(PairingCollected):
        collect(pairing_id=started.pairing_id, secret=started.secret, at=SOON)
    with operator_scope(operator.id):
        assert Credential.objects.count() == 1
        assert latest(operator_id=operator.id)[0].action == "player.token_issued"


def test_a_kiosk_may_enrol_people_too(operator: Operator, screen: Screen) -> None:
    started, player = claimed(operator, screen, kind="kiosk")

    token = collect(pairing_id=started.pairing_id, secret=started.secret, at=SOON).token

    principal = principal_of(digest_of(token or ""), at=SOON)
    assert player.kind == "kiosk"
    assert principal is not None
    assert principal.scopes == {"device", "kiosk"}


def test_the_token_is_for_the_holder_of_the_secret_alone(operator: Operator, screen: Screen) -> None:
    started, _ = claimed(operator, screen)

    with pytest.raises(WrongPairingSecret):
        collect(pairing_id=started.pairing_id, secret=start().secret, at=SOON)

    assert Credential.objects.count() == 0
    assert collect(pairing_id=started.pairing_id, secret=started.secret, at=SOON).token is not None


def test_an_unknown_pairing_has_no_token(operator: Operator) -> None:
    with pytest.raises(UnknownPairing):
        collect(pairing_id=new_id(), secret="secret", at=NOW)


def test_unknown_expired_and_claimed_codes_pair_nothing(operator: Operator, screen: Screen) -> None:
    first, _ = claimed(operator, screen)
    late = start()

    for code, at, problem in [
        ("AAAAAAAA", SOON, UnknownPairing),
        ("", SOON, UnknownPairing),
        (first.code, SOON, PairingClaimed),
        (late.code, NOW + timedelta(minutes=10), PairingExpired),
    ]:
        with pytest.raises(problem):
            claim(operator_id=operator.id, code=code, screen_id=screen.id, actor=ACTOR, at=at)

    assert Player.objects.count() == 1


def test_a_code_is_not_spent_on_somebody_elses_screen(operator: Operator, foreign_screen: Screen) -> None:
    started = start()

    with pytest.raises(NotFound):
        claim(operator_id=operator.id, code=started.code, screen_id=foreign_screen.id, actor=ACTOR, at=SOON)

    assert collect(pairing_id=started.pairing_id, secret=started.secret, at=SOON).player_public_id is None
    assert Player.objects.count() == 0


def test_a_pairing_nobody_claims_expires_and_is_swept(operator: Operator) -> None:
    started = start()
    later = NOW + timedelta(minutes=10)

    with pytest.raises(PairingExpired):
        collect(pairing_id=started.pairing_id, secret=started.secret, at=later)
    start(at=later)

    with pytest.raises(UnknownPairing):
        collect(pairing_id=started.pairing_id, secret=started.secret, at=later)


def test_a_claim_gives_the_device_its_own_ten_minutes(operator: Operator, screen: Screen) -> None:
    in_time, too_late = claimed(operator, screen)[0], claimed(operator, screen)[0]
    end = SOON + timedelta(minutes=10)

    with pytest.raises(PairingExpired):
        collect(pairing_id=too_late.pairing_id, secret=too_late.secret, at=end)
    collected = collect(pairing_id=in_time.pairing_id, secret=in_time.secret, at=end - timedelta(seconds=1))

    assert collected.token is not None


def test_one_address_can_hold_few_codes_open(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing, "OPEN_PER_REMOTE", 2)
    start(at=NOW), start(at=NOW + timedelta(minutes=1))

    with pytest.raises(TooManyPairings) as refusal:
        start(at=NOW + timedelta(minutes=2))

    assert refusal.value.headers == {"Retry-After": str(8 * 60 + 1)}
    start(remote="192.0.2.8", at=NOW + timedelta(minutes=2))
    start(at=NOW + timedelta(minutes=10))  # the first one has expired
    with platform_scope():
        assert Pairing.objects.count() == 3


def test_all_addresses_together_can_hold_a_bounded_number_open(
    operator: Operator, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairing, "OPEN_ALTOGETHER", 2)
    claimed(operator, screen)  # no longer waits
    start(remote="192.0.2.1"), start(remote="192.0.2.2")

    with pytest.raises(TooManyPairings):
        start(remote="192.0.2.3")


def test_unpairing_revokes_the_token_at_once_and_once(operator: Operator, screen: Screen) -> None:
    started, player = claimed(operator, screen)
    token = collect(pairing_id=started.pairing_id, secret=started.secret, at=SOON).token

    unpair(operator_id=operator.id, player_id=player.id, actor=ACTOR, at=SOON)
    again = unpair(operator_id=operator.id, player_id=player.id, actor=ACTOR, at=SOON + timedelta(days=1))

    assert again.unpaired_at == SOON
    assert principal_of(digest_of(token or ""), at=SOON) is None
    actions = [entry.action for entry in latest(operator_id=operator.id)]
    assert actions.count("player.unpaired") == 1


def test_a_player_unpaired_before_it_fetched_its_token_gets_none(operator: Operator, screen: Screen) -> None:
    started, player = claimed(operator, screen)
    unpair(operator_id=operator.id, player_id=player.id, actor=ACTOR, at=SOON)

    with pytest.raises(PairingExpired, match="taken off"):
        collect(pairing_id=started.pairing_id, secret=started.secret, at=SOON)

    assert Credential.objects.count() == 0


def test_a_player_tells_when_it_was_alive_and_what_it_plays(operator: Operator, player: Player) -> None:
    before = versions(operator_id=operator.id)[Topic.SIGNAGE]

    touch(operator_id=operator.id, player_id=player.id, at=NOW, now_playing={"creative": "crv_1"})
    touch(operator_id=operator.id, player_id=player.id, at=SOON)

    player.refresh_from_db()
    assert (player.last_seen_at, player.now_playing) == (SOON, {"creative": "crv_1"})
    assert versions(operator_id=operator.id)[Topic.SIGNAGE] == before  # a heartbeat reloads nothing


def test_a_heartbeat_for_another_operators_player_changes_nothing(
    operator: Operator, other_operator: Operator, player: Player
) -> None:
    with operator_scope(other_operator.id):
        touch(operator_id=other_operator.id, player_id=player.id, at=NOW)

    player.refresh_from_db()
    assert player.last_seen_at is None

import pytest
from django.apps import apps
from django.db import connection

import identities.selectors
from accounts.services import create_operator
from core.tenancy import operator_scope, platform_scope
from demo import catalogue, loop, stage
from demo.loop import LoopFailed
from demo.player import Answer
from signage.models import Screen, Venue
from subjects.models import ConsentEntry, Subject


@pytest.fixture
def staged(transactional_db, private_state, plain_posters, photographs, said):
    """The demonstration's operator."""
    return stage.build(password="a-long-password-1", say=said.append)


def contents():
    tables = [model._meta.db_table for model in apps.get_models(include_auto_created=True)]
    one = "SELECT '{0}', count(*), md5(coalesce(string_agg(row::text, ',' ORDER BY row::text), '')) FROM \"{0}\" AS row"
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(one.format(table) for table in tables))
        return {name: rest for name, *rest in cursor.fetchall()}


def test_the_demonstration_is_staged_with_people_who_consented(staged, said):
    with operator_scope(staged):
        assert (Venue.objects.count(), Screen.objects.count()) == (2, 4)
        assert identities.selectors.count(operator_id=staged) == Subject.objects.count() == 2
        assert set(ConsentEntry.objects.values_list("method", "action")) == {("demonstration", "given")}
        assert ConsentEntry.objects.count() == 2 * len(stage.EVERYTHING)
    assert len([line for line in said if "demo subject (" in line]) == 2
    assert len([line for line in said if line.endswith(" s")]) == 2


def test_staging_again_adds_and_changes_nothing(staged, said):
    before = contents()
    said.clear()

    again = stage.build(password="another-password-2", say=said.append)

    assert again == staged
    assert contents() == before
    assert said == []


def test_a_staging_that_failed_half_way_is_completed(
    transactional_db, private_state, plain_posters, photographs, said, monkeypatch
):
    def fail(operator_id, say):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stage, "enrol_people", fail)
        with pytest.raises(KeyboardInterrupt):
            stage.build(password="a-long-password-1", say=said.append)

    operator_id = stage.build(password="a-long-password-1", say=said.append)

    with operator_scope(operator_id):
        assert (Venue.objects.count(), Subject.objects.count()) == (2, 2)
    assert not stage.has_model(operator_id)


def test_the_main_job_through_the_api(staged, photographs, connect, said):
    player = connect(loop.pair(operator_id=staged, screen_name="Lobby wall", connect=connect))
    code = loop.code_holder(staged)
    said.clear()

    loop.run(player, photographs, code, said.append)

    text = "\n".join(said)
    titles = {work.title for work in catalogue.WORKS}
    assert text.count("  recognition  ") == text.count("  decision     ") == text.count("  events       ") == 3
    assert text.count("accepted, accepted") == 3
    assert ["recognised" in line for line in said if "recognition" in line] == [True, False, True]
    assert sum(any(title in line for title in titles) for line in said) >= 3
    assert "basis personal" in text


def test_the_main_job_fails_loudly_when_somebody_known_is_taken_for_a_stranger(photographs, said):
    class Blind:
        def recognise_frame(self, frame):
            return Answer({"viewers": [{"viewer": "vwr_1", "state": "anonymous"}]}, 1.0, 1.0)

        def decide(self, viewers, *, count):
            return Answer({"slate": []}, 1.0, 1.0)

    with pytest.raises(LoopFailed, match="expected one recognised viewer, got \\['anonymous'\\]"):
        loop.run(Blind(), photographs, "loy_1", said.append)


def test_a_missing_operator_has_no_model(transactional_db):
    assert not stage.has_model(create_operator(name="New", slug="new").id)

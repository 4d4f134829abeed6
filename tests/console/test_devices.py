"""The pages that drive screens."""

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from subjects.purposes import EXPLANATIONS


@pytest.mark.parametrize("path", ["/player/", "/kiosk/"])
def test_a_device_page_asks_the_database_nothing_so_it_loads_while_that_is_down(
    path: str, db: None, client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        assert client.get(path).status_code == 200


def test_the_kiosk_offers_every_purpose_and_ticks_none(db: None, client: Client) -> None:
    page = client.get("/kiosk/").content.decode()

    boxes = re.findall(r'<input class="form-check-input"[^>]*>', page)
    purposes = [found[1] for box in boxes if (found := re.search(r'value="(\w+)"', box))]
    assert purposes == [str(purpose) for purpose in EXPLANATIONS]
    assert len(boxes) == len(purposes) + 1  # and the one with which staff vouches for a person
    assert not any("checked" in box for box in boxes)
    for meaning in EXPLANATIONS.values():
        assert meaning in page

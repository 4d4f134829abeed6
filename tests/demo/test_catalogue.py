from catalog.categories import check_category
from demo import catalogue
from signage.policies import POLICIES
from signage.taxonomy import venue_category


def test_every_title_is_there_once():
    titles = [work.title for work in catalogue.WORKS]

    assert len(set(titles)) == len(titles) == 50


def test_every_category_is_one_the_platform_knows():
    assert [check_category(work.category) for work in catalogue.WORKS]
    assert [venue_category(venue.category) for venue in catalogue.VENUES]


def test_the_two_venues_have_four_screens_whose_scenes_exist():
    screens = [(venue, scene) for venue in catalogue.VENUES for _, scene in venue.screens]

    assert len(screens) == 4
    assert all(scene in {one.key for one in venue.scenes} for venue, scene in screens)
    assert {scene.policy for venue in catalogue.VENUES for scene in venue.scenes} <= set(POLICIES)


def test_every_advertiser_has_a_kind_of_venue():
    advertisers = {work.advertiser for work in catalogue.WORKS if work.advertiser}

    assert set(catalogue.VENUE_OF_ADVERTISER) == advertisers
    assert set(catalogue.VENUE_OF_ADVERTISER.values()) == {
        venue.category.partition(".")[0] for venue in catalogue.VENUES
    }


def test_there_is_something_for_members_and_something_of_the_house():
    assert any(work.personal for work in catalogue.WORKS)
    assert sum(work.advertiser is None for work in catalogue.HOUSE) == len(catalogue.HOUSE)

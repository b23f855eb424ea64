"""A door opens to its secret, wherever in a URL that stands, and to the addresses that it names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder.addresses import address_of, networks
from rejoinder.contract import Secret
from rejoinder.doors import Door, Knock, Reading, bearer

OLD, NEW = "old-secret-0123456789", "new-secret-0123456789"
DOOR = Door((Secret(NEW), Secret(OLD)))


def knock(url: str, key: str = "") -> Knock:
    path, _, query = url.partition("?")
    return Knock(path.split("/")[1:], query, key)


def entered(door: Door, knocked: Knock) -> str | None:
    """The id of the call for which `/clinic` is entered, None if it is not."""
    for reading in knocked.readings():
        if reading.route == "/clinic" and door.opens(knocked, reading):
            return reading.call_id
    return None


@pytest.mark.parametrize(
    "url",
    [
        f"/clinic/{NEW}/call-1",
        f"/clinic/{OLD}/call-1",
        f"/clinic/call-1?secret={NEW}",
        f"/clinic/call-1?x=1&whatever={OLD}",
        f"/clinic/call-1?{NEW}",
        f"/clinic?secret={NEW}/call-1",
        f"/clinic?secret={NEW}&tenant=7/call-1",
        f"/clinic/call-1?secret={NEW}/call-1",
        f"/clinic/{NEW}?tenant=7/call-1",
        f"/clinic/call-1?secret={NEW.replace('-', '%2D')}",
    ],
)
def test_the_secret_may_stand_in_the_path_or_the_query(url: str) -> None:
    assert entered(DOOR, knock(url)) == "call-1"


@pytest.mark.parametrize("url", [f"/clinic/{NEW}", f"/clinic?secret={NEW}", f"/clinic/{NEW}?a=b"])
def test_a_person_may_try_it_without_a_call_id(url: str) -> None:
    assert entered(DOOR, knock(url)) == ""


def test_the_secret_may_come_as_a_key() -> None:
    assert entered(DOOR, knock("/clinic", NEW)) == ""
    assert entered(DOOR, knock("/clinic", "another")) is None


@pytest.mark.parametrize(
    "url",
    [
        "/clinic",
        "/clinic/call-1",
        "/clinic/wrong/call-1",
        f"/clinic/wrong/call-1?secret={NEW}",
        f"/clinic/{NEW[:-1]}/call-1",
        f"/clinic/{NEW}x/call-1",
        f"/clinic/{NEW}call-1",
        f"/clinic/{NEW}/{NEW}/call-1",
        f"/clinic/call-1?secret={NEW}x",
        f"/clinic/call-1?{'&'.join(f'a{n}=b' for n in range(100))}&secret={NEW}",
        "/clinic/call-1?secret=",
        "/clinic/\udc80/call-1",
    ],
)
def test_nothing_but_the_whole_secret_opens(url: str) -> None:
    assert entered(DOOR, knock(url)) is None


def test_the_secret_is_never_taken_for_a_calls_id() -> None:
    assert entered(DOOR, knock(f"/clinic/{NEW}?secret={NEW}")) == ""


def test_a_door_without_secrets_has_call_ids_only() -> None:
    assert entered(Door(), knock("/clinic/call-1")) == "call-1"
    assert entered(Door(), knock("/clinic?tenant=7/call-1")) == "call-1"
    assert entered(Door(), knock("/clinic/x/call-1")) is None


def test_what_a_path_may_mean_is_read_with_the_longest_route_first() -> None:
    assert list(knock("/a/b/c").readings()) == [
        Reading("/a/b/c", ""),
        Reading("/a/b", "", "c"),
        Reading("/a/b", "c"),
        Reading("/a", "c", "b"),
    ]


def test_a_list_of_addresses_admits_those_and_this_machine() -> None:
    door = Door(allow=(*networks("retell"), *networks("10.0.0.0/8")))
    assert door.is_closed
    assert not Door().is_closed
    assert door.admits(Knock(address=address_of("100.20.5.228")))
    assert door.admits(Knock(address=address_of("10.1.2.3")))
    assert door.admits(Knock(address=address_of("127.0.0.1"), is_local=True))
    assert not door.admits(Knock(address=address_of("127.0.0.1")))
    assert not door.admits(Knock(address=address_of("203.0.113.9")))
    assert not door.admits(Knock())
    assert Door().admits(Knock())


def test_no_secret_shows_in_a_doors_repr() -> None:
    assert NEW not in repr(DOOR)


@pytest.mark.parametrize(
    ("header", "key"), [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", ""), ("abc", ""), ("", "")]
)
def test_a_key_is_what_a_bearer_bears(header: str, key: str) -> None:
    assert bearer(header) == key


@given(st.lists(st.text()), st.text(), st.text())
def test_whatever_is_sent_opens_nothing(more: list[str], query: str, key: str) -> None:
    assert entered(DOOR, Knock(["clinic", *more], query, key)) is None

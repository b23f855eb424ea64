"""Who dials is found behind proxies that are trusted, and behind no others."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder.addresses import PRESETS, address_of, client_address, is_among, networks, party

PROXIES = (*networks("10.0.0.0/8"), *networks("::1"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9", "10.0.0.2"], "203.0.113.9"),
        ("::1", [" [2001:db8::7]:4711 "], "2001:db8::7"),
        ("10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", [], "10.0.0.1"),
    ],
)
def test_the_client_is_whom_the_last_trusted_proxy_names(peer: str, forwarded: list[str], client: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == ip_address(client)


def test_what_a_client_writes_itself_is_not_believed() -> None:
    forged = ["100.20.5.228, 203.0.113.9"]
    assert client_address("10.0.0.1", forged, PROXIES) == ip_address("203.0.113.9")
    assert client_address("203.0.113.9", ["100.20.5.228"], PROXIES) == ip_address("203.0.113.9")


@pytest.mark.parametrize("said", ["unknown", "", "100.20.5.228, ", "_hidden", "100.20.5.228, x"])
def test_a_trusted_proxy_that_names_nobody_leaves_the_client_unknown(said: str) -> None:
    client = client_address("10.0.0.1", [said], PROXIES)
    assert client is None
    assert not is_among(client, networks("0.0.0.0/0"))


def test_a_peer_without_an_address_is_nobody() -> None:
    assert client_address("", ["100.20.5.228"], PROXIES) is None


def test_retell_is_known_by_name() -> None:
    assert is_among(ip_address("100.20.5.228"), networks("retell"))
    assert not is_among(ip_address("100.20.5.229"), PRESETS["retell"])


@pytest.mark.parametrize("text", ["retel", "10.0.0.1/8", "300.1.1.1", "", "example.com"])
def test_what_is_no_address_network_or_preset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not appear to be|host bits"):
        networks(text)


def test_an_ipv6_party_is_counted_by_its_network() -> None:
    assert party(address_of("2001:db8:1:2:3:4:5:6")) == party(address_of("2001:db8:1:2::9")) == "2001:db8:1:2::/64"
    assert party(address_of("203.0.113.9")) == "203.0.113.9"
    assert party(None) == "an unknown address"


@given(st.text(), st.lists(st.text()))
def test_whatever_is_sent_a_stranger_stays_one(peer: str, forwarded: list[str]) -> None:
    assert client_address("203.0.113.9", forwarded, PROXIES) == ip_address("203.0.113.9")
    client_address(peer, forwarded, PROXIES)
    party(client_address("10.0.0.1", forwarded, PROXIES))

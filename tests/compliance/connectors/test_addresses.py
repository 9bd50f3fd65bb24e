"""Addresses that a recording may never be fetched from. Nothing here is connected to."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.connectors import addresses
from compliance.connectors.refusals import FetchRefused

HOSTILE = {
    "0.0.0.0": "this_network",
    "0.1.2.3": "this_network",
    "10.0.0.1": "private",
    "10.255.255.255": "private",
    "100.64.0.1": "carrier_nat",
    "100.127.255.255": "carrier_nat",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "168.63.129.16": "metadata",
    "169.254.169.254": "link_local",
    "169.254.170.2": "link_local",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.192": "protocol",
    "192.0.2.1": "documentation",
    "192.31.196.1": "protocol",
    "192.52.193.1": "protocol",
    "192.88.99.1": "6to4",
    "192.168.1.1": "private",
    "192.175.48.1": "protocol",
    "198.18.0.1": "benchmark",
    "198.19.255.255": "benchmark",
    "198.51.100.7": "documentation",
    "203.0.113.9": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "not_given_out",
    "::1": "loopback",
    "::127.0.0.1": "not_given_out",
    "::ffff:127.0.0.1": "not_given_out",
    "::ffff:8.8.8.8": "not_given_out",
    "::ffff:0:8.8.8.8": "not_given_out",
    "64:ff9b::7f00:1": "not_given_out",
    "64:ff9b::8.8.8.8": "not_given_out",
    "64:ff9b:1::1": "not_given_out",
    "100::1": "not_given_out",
    "2001::1": "protocol",
    "2001:2::1": "protocol",
    "2001:10::1": "protocol",
    "2001:20::1": "protocol",
    "2001:db8::1": "documentation",
    "2002:7f00:1::": "6to4",
    "2002:a00:1::1": "6to4",
    "2620:4f:8000::1": "protocol",
    "3fff::1": "documentation",
    "4000::1": "not_given_out",
    "5f00::1": "not_given_out",
    "fc00::1": "not_given_out",
    "fd00:ec2::254": "not_given_out",
    "fe80::1": "not_given_out",
    "fe80::1%eth0": "scoped",
    "2a00:1450:4001::1%1": "scoped",
    "fec0::1": "not_given_out",
    "ff02::1": "not_given_out",
    "localhost": "not_an_address",
    "": "not_an_address",
    "127.1": "not_an_address",
    "2130706433": "not_an_address",
    "0177.0.0.1": "not_an_address",
}
PUBLIC = ["8.8.8.8", "93.184.215.14", "100.63.255.255", "100.128.0.1", "172.15.255.255", "172.32.0.1", "198.17.255.255"]
PUBLIC_6 = ["2001:4860:4860::8888", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "2a00:1450:4001:81b::200e"]


@pytest.mark.parametrize(("address", "reason"), HOSTILE.items())
def test_hostile_addresses_are_refused_with_their_reason(address: str, reason: str) -> None:
    assert addresses.reason_against(address) == reason


@pytest.mark.parametrize("address", PUBLIC + PUBLIC_6)
def test_public_addresses_pass(address: str) -> None:
    assert addresses.reason_against(address) is None


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_hostile_answer_among_public_ones_spoils_all(hostile: str, place: int) -> None:
    answers = [*PUBLIC[:2]]
    answers.insert(place, hostile)
    with pytest.raises(FetchRefused) as refusal:
        addresses.usable(answers, loopback_only=False)
    assert (refusal.value.code, refusal.value.is_retryable) == ("blocked_address", False)


def test_answers_keep_their_order_once_each() -> None:
    answers = ["2001:4860:4860:0:0:0:0:8888", "8.8.8.8", "2001:4860:4860::8888"]
    assert addresses.usable(answers, loopback_only=False) == ("2001:4860:4860::8888", "8.8.8.8")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1"])
def test_a_test_host_may_be_this_machine(address: str) -> None:
    assert addresses.usable([address], loopback_only=True) == (address,)


@pytest.mark.parametrize("address", ["8.8.8.8", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "fe80::1%lo", "x"])
def test_a_test_host_may_be_nothing_else(address: str) -> None:
    with pytest.raises(FetchRefused):
        addresses.usable(["127.0.0.1", address], loopback_only=True)


@given(st.ip_addresses())
def test_nothing_passes_that_python_does_not_call_global(address: ipaddress.IPv4Address) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert addresses.reason_against(str(address)) is not None


@given(st.ip_addresses(v=4))
def test_no_disguise_of_version_4_passes(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for disguise in (0xFFFF << 32 | number, number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80):
        assert addresses.reason_against(str(ipaddress.IPv6Address(disguise))) is not None

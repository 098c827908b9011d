"""Ports of a group: its workers bind beside the reservation, nobody else does, and what nobody serves is let go."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from sluice.errors import ConfigError
from sluice.net.listener import EVERYWHERE, LOOPBACK, bind
from sluice.net.reservations import Reservations
from tests.support.sockets import free_ports

HERE = "127.0.0.1"


@pytest.fixture
def held() -> Iterator[Reservations]:
    with closing(Reservations(LOOPBACK)) as reservations:
        yield reservations


def listening(port: int, *, reuse_port: bool) -> socket.socket:
    sock = bind(HERE, port, reuse_port=reuse_port)
    sock.listen()
    return sock


def test_workers_listen_beside_the_reservation_and_nobody_else_does(held: Reservations) -> None:
    port = held.hold(0, 1)
    with closing(listening(port, reuse_port=True)), closing(listening(port, reuse_port=True)):
        with pytest.raises(OSError, match="in use"):
            listening(port, reuse_port=False)
        with (
            closing(Reservations(LOOPBACK)) as other,
            pytest.raises(ConfigError, match=f"port {port} cannot be listen"),
        ):
            other.hold(port, 1)


@pytest.mark.parametrize("hosts", [LOOPBACK, EVERYWHERE])
def test_port_0_is_one_that_is_free_on_every_address(hosts: tuple[str, ...]) -> None:
    with closing(Reservations(hosts)) as held:
        port = held.hold(0, 1)
        assert port
        assert held.hold(port, 2) == port
        for host in hosts:
            bind(host, port, reuse_port=True).close()


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_that_somebody_listens_on_is_refused(held: Reservations, shared: bool) -> None:
    (port,) = free_ports(1)
    with closing(listening(port, reuse_port=shared)), pytest.raises(ConfigError, match="Address already in use"):
        held.hold(port, 1)
    assert held.ports == set()
    assert held.hold(port, 1) == port


def test_a_port_is_held_until_the_last_worker_has_left_it(held: Reservations) -> None:
    first, second = held.hold(0, 1), held.hold(0, 1)
    held.hold(first, 2)
    held.hold(second, 2)
    held.keep({second}, 1)
    assert held.ports == {first, second}
    held.keep({second}, 2)
    assert held.ports == {second}
    held.keep({second}, 2)
    assert held.ports == {second}


def test_a_worker_may_hold_what_another_listens_on(held: Reservations) -> None:
    """While one worker has taken a new configuration and another has not yet."""
    port = held.hold(0, 1)
    with closing(listening(port, reuse_port=True)):
        held.keep(set(), 2)
        assert held.hold(port, 2) == port
        held.keep({port}, 2)
        assert held.ports == {port}


def test_an_address_that_this_machine_does_not_have_is_left_out() -> None:
    with closing(Reservations([HERE, "192.0.2.1"])) as held:
        assert held.hold(0, 1)
    with closing(Reservations(["192.0.2.1"])) as held, pytest.raises(ConfigError, match="Cannot assign"):
        held.hold(1, 1)

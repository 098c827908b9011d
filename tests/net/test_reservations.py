"""Ports of a group: its workers bind beside the reservation, nobody else does, and what nobody serves is let go."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from sluice.config.exposure import EVERYWHERE, LOOPBACK
from sluice.errors import ConfigError
from sluice.net.listener import bind
from sluice.net.reservations import Reservations
from tests.support.sockets import free_ports

HERE = "127.0.0.1"


@pytest.fixture
def held() -> Iterator[Reservations]:
    with closing(Reservations()) as reservations:
        yield reservations


def listening(port: int, *, reuse_port: bool) -> socket.socket:
    sock = bind(HERE, port, reuse_port=reuse_port)
    sock.listen()
    return sock


def test_workers_listen_beside_the_reservation_and_nobody_else_does(held: Reservations) -> None:
    port = held.hold(0, 1, LOOPBACK)
    with closing(listening(port, reuse_port=True)), closing(listening(port, reuse_port=True)):
        with pytest.raises(OSError, match="in use"):
            listening(port, reuse_port=False)
        with (
            closing(Reservations()) as other,
            pytest.raises(ConfigError, match=f"port {port} cannot be listen"),
        ):
            other.hold(port, 1, LOOPBACK)


@pytest.mark.parametrize("hosts", [LOOPBACK, EVERYWHERE])
def test_port_0_is_one_that_is_free_on_every_address(hosts: tuple[str, ...]) -> None:
    with closing(Reservations()) as held:
        port = held.hold(0, 1, hosts)
        assert port
        assert held.hold(port, 2, hosts) == port
        for host in hosts:
            bind(host, port, reuse_port=True).close()


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_that_somebody_listens_on_is_refused(held: Reservations, shared: bool) -> None:
    (port,) = free_ports(1)
    with closing(listening(port, reuse_port=shared)), pytest.raises(ConfigError, match="Address already in use"):
        held.hold(port, 1, LOOPBACK)
    assert held.ports == set()
    assert held.hold(port, 1, LOOPBACK) == port


def test_a_port_is_held_until_the_last_worker_has_left_it(held: Reservations) -> None:
    first, second = held.hold(0, 1, LOOPBACK), held.hold(0, 1, LOOPBACK)
    held.hold(first, 2, LOOPBACK)
    held.hold(second, 2, LOOPBACK)
    held.keep({second}, 1)
    assert held.ports == {first, second}
    held.keep({second}, 2)
    assert held.ports == {second}
    held.keep({second}, 2)
    assert held.ports == {second}


def test_a_worker_may_hold_what_another_listens_on(held: Reservations) -> None:
    """While one worker has taken a new configuration and another has not yet."""
    port = held.hold(0, 1, LOOPBACK)
    with closing(listening(port, reuse_port=True)):
        held.keep(set(), 2)
        assert held.hold(port, 2, LOOPBACK) == port
        held.keep({port}, 2)
        assert held.ports == {port}


def test_an_address_that_this_machine_does_not_have_is_left_out() -> None:
    with closing(Reservations()) as held:
        assert held.hold(0, 1, (HERE, "192.0.2.1"))
        assert held.hold(0, 1, ("192.0.2.1", HERE))
    with closing(Reservations()) as held, pytest.raises(ConfigError, match="Cannot assign"):
        held.hold(1, 1, ("192.0.2.1",))

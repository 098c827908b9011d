"""Certificates under way: a new one works for the next handshake, and one that cannot be used changes nothing."""

import textwrap
from pathlib import Path

import pytest
import trustme

from sluice.config.plan import ListenerTls
from sluice.testing.fake_provider import FakeProvider
from tests.journeys.manifests import gateway, route
from tests.net.certificates import issued, mismatched, shown
from tests.support.command import NOTICED_S, Sluice, rewrite
from tests.support.sockets import free_ports
from tests.support.waiting import until
from tests.support.world import World

pytestmark = pytest.mark.timed

REFUSED = "configuration refused, the old one stays"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def fake(world: World) -> FakeProvider:
    return await world.fake()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.yaml"


def secret(name: str, tls: ListenerTls) -> str:
    return f"""
---
apiVersion: v1
kind: Secret
metadata:
  name: {name}
stringData:
  tls.crt: |
{textwrap.indent(tls.certificate_pem, "    ")}
  tls.key: |
{textwrap.indent(tls.key_pem.reveal(), "    ")}
"""


def encrypted(*listeners: tuple[int, str, ListenerTls]) -> str:
    """A Gateway with a listener for each port and hostname, and its certificate."""
    specs = "".join(
        f"""
  - name: tls-{number}
    port: {port}
    protocol: HTTPS
    hostname: {hostname}
    tls:
      certificateRefs:
        - name: tls-{number}"""
        for number, (port, hostname, _) in enumerate(listeners)
    )
    return gateway() + specs + "".join(secret(f"tls-{number}", tls) for number, (*_, tls) in enumerate(listeners))


async def test_a_certificate_without_its_key_changes_none_of_the_ports(
    fake: FakeProvider, file: Path, authority: trustme.CA
) -> None:
    first, second = free_ports(2)
    good = issued(authority, "good.test")
    to_fake = route("/a", fake.port)

    def both(one: ListenerTls, two: ListenerTls) -> str:
        return encrypted((first, "one.test", one), (second, "two.test", two)) + to_fake

    file.write_text(both(good, good))
    async with Sluice("-f", str(file), anywhere=False) as sluice:
        new, bad = issued(authority, "new.test"), mismatched(authority, "bad.test")
        for times, (one, two) in enumerate([(new, bad), (bad, new)], 1):
            rewrite(file, both(one, two))
            await until(lambda times=times: sluice.messages().count(REFUSED) == times, within_s=NOTICED_S)  # type: ignore[misc]
            assert await shown(first, "one.test") == "good.test"
            assert await shown(second, "two.test") == "good.test"
        rewrite(file, both(new, new))
        await until(lambda: "configuration reloaded" in sluice.messages(), within_s=NOTICED_S)
        assert await shown(first, "one.test") == await shown(second, "two.test") == "new.test"


async def test_two_hostnames_on_one_port_have_a_certificate_each(
    fake: FakeProvider, file: Path, authority: trustme.CA
) -> None:
    (port,) = free_ports(1)
    names = ["one.test", "two.test"]

    def each(*certificates: str) -> str:
        listeners = [(port, name, issued(authority, of)) for name, of in zip(names, certificates, strict=True)]
        return encrypted(*listeners) + route("/a", fake.port)

    file.write_text(each("one.test", "two.test"))
    async with Sluice("-f", str(file), anywhere=False) as sluice:
        assert [await shown(port, name) for name in names] == ["one.test", "two.test"]
        rewrite(file, each("one.test", "renewed.test"))
        await until(lambda: "configuration reloaded" in sluice.messages(), within_s=NOTICED_S)
        assert [await shown(port, name) for name in names] == ["one.test", "renewed.test"]

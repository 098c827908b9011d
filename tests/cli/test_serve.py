"""What `sluice serve` refuses before it listens, and how it says so."""

import pytest
from click.testing import CliRunner

from sluice.cli import main, serve
from sluice.config import Source, load
from sluice.config.environment import from_environment
from sluice.config.exposure import Exposure
from sluice.errors import ConfigError
from sluice.standard import STANDARD

PLAN = from_environment({}, STANDARD)
KEYED = load(
    [Source("a.yaml", "llm: {models: [{name: m, provider: fake}], policies: {apiKey: {keys: [{key: sk-a}]}}}")],
    {},
    STANDARD,
)


@pytest.mark.parametrize("address", ["0.0.0.0:15000", "[::]:15000", "192.0.2.1:15000", "gateway.test:15000"])
def test_the_admin_door_opens_to_others_only_when_told(address: str) -> None:
    with pytest.raises(ConfigError, match=r"can be reached from outside.*--insecure-bind"):
        serve._addresses(PLAN, {"ADMIN_ADDR": address}, Exposure())
    assert serve._addresses(PLAN, {"ADMIN_ADDR": address}, Exposure(insecure=True)).admin == address


@pytest.mark.parametrize("address", ["localhost:1", "127.0.0.1:1", "[::1]:1", ":1", "off"])
def test_the_admin_door_opens_to_this_machine(address: str) -> None:
    assert serve._addresses(PLAN, {"ADMIN_ADDR": address}, Exposure()).admin == address


def test_even_everywhere_the_admin_door_stays_home_by_itself() -> None:
    addresses = serve._addresses(PLAN, {}, Exposure(insecure=True))
    assert (addresses.admin, addresses.stats) == ("localhost:15000", "0.0.0.0:15020")


def test_the_readiness_door_opens_with_the_front_door_and_the_stats_door_stays_home() -> None:
    for exposure, wide in (
        (Exposure(), "0.0.0.0"),
        (Exposure(hosts=("::1", "fd00::7")), "[::1]"),
        (Exposure(hosts=("fd00::7",)), "[fd00::7]"),
        (Exposure(hosts=("127.0.0.1",)), "localhost"),
    ):
        addresses = serve._addresses(KEYED, {}, exposure)
        assert addresses.readiness == f"{wide}:15021"
        assert (addresses.admin, addresses.stats) == ("localhost:15000", "localhost:15020")
    assert serve._addresses(PLAN, {}, Exposure()).readiness == "localhost:15021"


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"ADMIN_ADDR": "0.0.0.0:15000"}, "admin address: 0.0.0.0:15000 can be reached from outside"),
        ({"DRAIN_TIMEOUT": "abc"}, "DRAIN_TIMEOUT: expected a duration"),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT: 'xml' is no log format"),
    ],
)
def test_what_is_wrong_is_named_before_anything_listens(env: dict[str, str], said: str) -> None:
    result = CliRunner().invoke(main, ["serve", "--port", "0"], env=env)
    assert result.exit_code == 2
    assert said in result.output

"""What `sluice serve` refuses before it listens, and how it says so."""

import pytest
from click.testing import CliRunner

from sluice.cli import main, serve
from sluice.config.environment import from_environment
from sluice.errors import ConfigError
from sluice.standard import STANDARD

PLAN = from_environment({}, STANDARD)


@pytest.mark.parametrize("address", ["0.0.0.0:15000", "[::]:15000", "192.0.2.1:15000", "gateway.test:15000"])
def test_the_admin_door_opens_to_others_only_when_told(address: str) -> None:
    with pytest.raises(ConfigError, match=r"can be reached from outside.*--insecure-bind"):
        serve._addresses(PLAN, {"ADMIN_ADDR": address}, everywhere=False)
    assert serve._addresses(PLAN, {"ADMIN_ADDR": address}, everywhere=True).admin == address


@pytest.mark.parametrize("address", ["localhost:1", "127.0.0.1:1", "[::1]:1", ":1", "off"])
def test_the_admin_door_opens_to_this_machine(address: str) -> None:
    assert serve._addresses(PLAN, {"ADMIN_ADDR": address}, everywhere=False).admin == address


def test_even_everywhere_the_admin_door_stays_home_by_itself() -> None:
    addresses = serve._addresses(PLAN, {}, everywhere=True)
    assert (addresses.admin, addresses.stats) == ("localhost:15000", "0.0.0.0:15020")


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

"""policies.shaping: what several layers come to."""

from sluice.policies.cors import Cors
from sluice.policies.fault_injection import Abort, Delay
from sluice.policies.guards import HeaderChange
from sluice.policies.rewrite import Rewrite
from sluice.policies.shaping import NO_SHAPING, Shaping, merged


def test_each_member_is_the_strongest_layers_that_says_something() -> None:
    gateway = Shaping(cors=Cors(), abort=Abort(), delays=(Delay(duration_s=1),))
    listener = Shaping(response_headers=HeaderChange(remove=("server",)), delays=(Delay(duration_s=2),))
    rule = Shaping(rewrite=Rewrite(hostname="a"), abort=Abort(status=500))
    assert merged(gateway, NO_SHAPING, listener, rule) == Shaping(
        cors=Cors(),
        abort=Abort(status=500),
        delays=(Delay(duration_s=2),),
        response_headers=HeaderChange(remove=("server",)),
        rewrite=Rewrite(hostname="a"),
    )


def test_one_layer_is_itself() -> None:
    only = Shaping(host="auto")
    assert merged(NO_SHAPING, only) is only
    assert merged() is NO_SHAPING
    assert merged(Shaping()) is NO_SHAPING

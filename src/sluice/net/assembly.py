"""The gateway and all that it stands on, put together from a plan: everything but the ports it listens on."""

import os
import time

from sluice.config.plan import Plan
from sluice.gateway.gateway import Gateway
from sluice.gateway.limits_ports import Counters
from sluice.net.ledgers import ledger_of
from sluice.net.pool import Pool
from sluice.net.services import PolicyServices
from sluice.net.signing import CloudSigner
from sluice.policies.cost import Prices
from sluice.registry import Registry
from sluice.stores.ledger import books
from sluice.stores.prices import load_prices
from sluice.telemetry.process_log import ProcessLog
from sluice.telemetry.report import Report


class Assembly:
    """One per process. Call `policies.open` before the first request, run `policies.keepers()` all the while, and at
    the end `policies.finish()` and `close`."""

    def __init__(self, plan: Plan, *, registry: Registry, report: Report, log: ProcessLog, counters: Counters) -> None:
        """
        Raises:
            ConfigError: a catalogue of prices cannot be read.
        """
        self.pool = Pool(idle_timeout_s=plan.limits.pool_idle_timeout_s)
        report.shows(self.pool.numbers)
        signer = CloudSigner(time.time)
        ledger = ledger_of(plan, os.environ)
        self.policies = PolicyServices(
            upstream=self.pool,
            signer=signer,
            counters=counters,
            store=plan.store,
            books=None if ledger is None else books(ledger),
            report=report,
            log=log,
        )
        self.gateway = Gateway(
            plan,
            prices=Prices(load_prices(plan.prices, registry)),
            upstream=self.pool,
            signer=signer,
            services=self.policies.services,
            telemetry=report,
            registry=registry,
            clock=time.monotonic,
            wall=time.time,
        )

    def close(self) -> None:
        """Cut what is under way."""
        self.policies.close()
        self.pool.close()

"""What an operator writes, in three forms, and the one immutable Plan that it compiles to.

PURE: text and an environment mapping go in, a Plan or a ConfigError comes out. Reading files is `net.lifecycle`'s
business.

    files -> source (YAML with places) -> objects (schemas) -> attach, backends, policy, routes -> Plan
                                       -> short_form ------------------------------------------> Plan
    nothing -> environment --------------------------------------------------------------------> Plan
"""

from sluice.config.compile import load
from sluice.config.dump import dump
from sluice.config.environment import from_environment
from sluice.config.routing import PortRouter, Router, model_route
from sluice.config.source import Source

__all__ = ["PortRouter", "Router", "Source", "dump", "from_environment", "load", "model_route"]

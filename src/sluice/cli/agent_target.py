"""`module:agent`, `file.py:agent`: the agents that a command line names."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from sluice.agents.agent import Agent
from sluice.errors import ConfigError

DEFAULT = "agent"


def load(target: str) -> list[Agent]:
    """Return the agents of a target. The working folder is looked in first; without a name behind the colon it is
    `agent`. The name may be of an Agent or of a list of them.

    Raises:
        ConfigError: there is no such module, or nothing of that name in it that is an agent.
    """
    place, _, name = target.rpartition(":") if ":" in target else (target, "", DEFAULT)
    module = _file(place) if place.endswith(".py") else _module(place)
    found: object = module
    for step in name.split("."):
        found = getattr(found, step, None)
    agents = [found] if isinstance(found, Agent) else list(found) if isinstance(found, list | tuple) else []
    if not agents or not all(isinstance(one, Agent) for one in agents):
        what = "there is none" if found is None else f"it is a {type(found).__name__}"
        known = [key for key, value in vars(module).items() if isinstance(value, Agent)]
        hint = f"there is {', '.join(known)}" if known else "agent = Agent(...)"
        raise ConfigError(f"{name!r} is no agent: {what}", path=target, hint=hint)
    return agents


def _module(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise
        raise ConfigError("there is no such module", path=name, hint="module:agent, or file.py:agent") from None


def _file(name: str) -> ModuleType:
    path = Path(name)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise ConfigError("there is no such file", path=name)
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module

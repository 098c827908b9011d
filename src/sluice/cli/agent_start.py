"""What `sluice agent` was asked to do, done: agents found or made, the chatbot's lines, the process."""

import os
import sys
from collections.abc import Mapping

import click
import msgspec
import uvloop

from sluice.agent_server.door import AgentDoor
from sluice.agents.agent import Agent
from sluice.agents.chatbot import GRAPH_TYPE, Console, chatbot, echo
from sluice.agents.environment import Choice, chosen
from sluice.cli.agent_house import Wanted
from sluice.cli.agent_process import Serving, plain_say, run
from sluice.cli.agent_target import load
from sluice.config.exposure import EVERYWHERE, LOOPBACK, Hosts, authenticated_ports, is_wide, read_hosts
from sluice.config.plan import Plan
from sluice.config.units import duration
from sluice.errors import ConfigError
from sluice.net.files import ConfigFiles
from sluice.standard import STANDARD
from sluice.telemetry.line import Format


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The command line."""

    targets: tuple[str, ...]
    port: int
    hosts: tuple[str, ...]
    paths: tuple[str, ...]
    store: str
    echo: bool
    log_messages: bool | None
    log_format: str
    drain_timeout: str
    insecure_bind: bool
    cors: tuple[str, ...]


def start(asked: Asked) -> int:
    """Serve until told to stop; return the exit status.

    Raises:
        ConfigError: something of it cannot be served.
    """
    plan = ConfigFiles(asked.paths, os.environ, STANDARD).load()
    people = _for_people(asked.log_format, os.environ)
    serving = Serving(
        hosts=reachable(asked.hosts, plan, insecure=asked.insecure_bind),
        port=asked.port,
        drain_s=_seconds(asked.drain_timeout),
        log_format=_format(asked.log_format, os.environ),
        log_level="warn" if people else plan.logging.level,
    )
    choice = chosen(plan)
    agents = [agent for target in asked.targets for agent in load(target)] + ([echo()] if asked.echo else [])
    alone = not agents
    agents = agents or [chatbot(choice.asked), chatbot(choice.asked, GRAPH_TYPE)]
    if alone or asked.log_messages:
        for agent in agents:
            agent.use(Console(plain_say, texts=asked.log_messages is not False))
    wanted = Wanted(agents=agents, plan=plan, store=asked.store, cors=asked.cors)
    told = _chatbotlines(choice, plan) if alone else lines(agents)
    return uvloop.run(run(wanted, serving, lambda door: announce(told, door, alone=alone)))


def announce(lines: list[str], door: AgentDoor, *, alone: bool) -> None:
    for line in (*lines, f"Listening on http://localhost:{door.port}"):
        plain_say(line)
    if alone:
        plain_say("Responses will be streamed in real-time!\n")


def _chatbotlines(choice: Choice, plan: Plan) -> list[str]:
    """Seed 003's head. What the environment means is said beside it, on stderr."""
    for note in plan.notes:
        click.echo(note, err=True)
    return ["Streaming Chatbot Agent starting...", f"Provider: {choice.provider}", f"Model: {choice.model}"]


def lines(agents: list[Agent]) -> list[str]:
    return [f"Agent: {agent.name} {agent.version}" for agent in agents]


def reachable(hosts: tuple[str, ...], plan: Plan, *, insecure: bool) -> Hosts:
    """All addresses where everybody has to say who they are, else this machine's own.

    Raises:
        ConfigError: somebody from outside could ask without a credential, or a host is no address.
    """
    ports = {listener.port for listener in plan.listeners}
    proven = bool(ports) and authenticated_ports(plan) == ports
    chosen_hosts = read_hosts(hosts) or (EVERYWHERE if proven or insecure else LOOPBACK)
    if is_wide(chosen_hosts) and not (proven or insecure):
        hint = "give -f a file with `policies` (apiKey, jwtAuth), leave --host out, or say --insecure-bind"
        raise ConfigError("it can be reached from outside, and nobody is asked who they are", path="--host", hint=hint)
    return chosen_hosts


def _seconds(text: str) -> float:
    try:
        return duration(text)
    except ValueError as error:
        raise ConfigError(str(error), path="--drain-timeout") from None


def _format(option: str, env: Mapping[str, str]) -> Format:
    wanted = option or env.get("LOG_FORMAT") or ("text" if sys.stderr.isatty() else "json")
    return "text" if wanted == "text" else "json"


def _for_people(option: str, env: Mapping[str, str]) -> bool:
    """Whether the log and the agents' lines share one terminal: then it keeps to what went wrong."""
    return not option and not env.get("LOG_FORMAT") and sys.stderr.isatty() and sys.stdout.isatty()

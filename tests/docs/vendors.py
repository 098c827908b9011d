"""The vendors that the pages speak of, played by one fake provider on this machine.

What the reader sees stays as it is; where it leads is overridden: host and port in files, base URLs in the environment.
The fake demands the reader's key in the vendor's own header, or a signature, or the token that a seller of ours sold.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sluice.config.targets import providers, served_provider
from sluice.providers.provider import Provider
from sluice.standard import STANDARD
from sluice.testing.fake_provider import FakeProvider, Options

HERE = "127.0.0.1"
TOKEN = "ya29.docs"
NOBODY = 9
"""The port of a provider that a page wants to be down."""
GOOGLE, AMAZON = "GOOGLE_APPLICATION_CREDENTIALS", "AWS_ACCESS_KEY_ID"
Yaml = dict[str, "object"]


class Vendors:
    """The vendors of one session of the reader. `fake` has what they were asked."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._written = env
        self.fake = FakeProvider(Options(key=demanded(env)))

    async def __aenter__(self) -> Self:
        await self.fake.start()
        self._seller = await asyncio.start_server(_sell, HERE, 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._seller.close()
        await self.fake.close()

    @property
    def asked(self) -> list[str]:
        """What the vendors were asked: path and query of each request, the oldest first."""
        return [f"{request.path}{f'?{request.query}' if request.query else ''}" for request in self.fake.requests]

    def env(self, folder: Path) -> dict[str, str]:
        """The reader's variables, leading here; a key file that they name is written to `folder`."""
        env = dict(self._written)
        for row in providers(STANDARD):
            if row.base_url_env and any(name in env for name in _variables(row)):
                name = next((name for name in row.base_url_env if name in env), row.base_url_env[0])
                usual = row.base_path if row.base_url_ends is None else ""
                env[name] = self._url(urlsplit(env[name]).path if name in env else usual)
        if GOOGLE in env:
            env[GOOGLE] = str(folder / env[GOOGLE])
            Path(env[GOOGLE]).write_text(key_file(self._seller.sockets[0].getsockname()[1]))
        return env

    def file(self, text: str) -> str:
        """A configuration, leading here."""
        documents = [document for document in yaml.safe_load_all(text) if document]
        for document in documents:
            if document.get("kind") == "AgentgatewayBackend":
                for provider in _providers(document["spec"].get("ai", {})):
                    self._lead(provider)
            elif document.get("kind") == "AgentgatewayModel" and "provider" in document["spec"]:
                self._lead_model(document["spec"])
            for entry in (*document.get("llm", {}).get("providers", ()), *document.get("llm", {}).get("models", ())):
                self._lead_entry(entry)
        return yaml.safe_dump_all(documents, sort_keys=False)

    def _lead(self, provider: Yaml) -> None:
        if isinstance(legacy := provider.get("azureopenai"), dict):
            legacy["endpoint"] = self._url()
        elif "fake" not in provider:
            provider |= {"host": HERE, "port": self.fake.port}

    def _lead_model(self, spec: Yaml) -> None:
        row = served_provider(STANDARD, str(spec["provider"]))
        if row is not None and row.key != "fake":
            path = urlsplit(str(spec["baseURL"])).path if "baseURL" in spec else row.base_path
            spec["baseURL"] = self._url("" if row.base_url_ends is not None else path)

    def _lead_entry(self, entry: Yaml) -> None:
        word = entry["provider"]
        if word == "fake" or (isinstance(word, dict) and "reference" in word):
            return
        params = entry.setdefault("params", {})
        assert isinstance(params, dict)
        if "baseUrl" in params and urlsplit(params["baseUrl"]).port == NOBODY:
            return
        if "baseUrl" in params:
            params["baseUrl"] = self._url(urlsplit(params["baseUrl"]).path)
        else:
            params["hostOverride"] = f"{HERE}:{self.fake.port}"

    def _url(self, path: str = "") -> str:
        return f"http://{HERE}:{self.fake.port}{path}"


def demanded(env: Mapping[str, str]) -> str:
    """The key that a vendor demands: the reader's; where requests are signed one that nobody has; where several vendors
    are asked none, for they have one door here."""
    if GOOGLE in env:
        return TOKEN
    if AMAZON in env:
        return "a signature is wanted"
    vendors = [row for row in providers(STANDARD) if any(name in env for name in _variables(row))]
    keys = [env[name] for row in vendors for name in row.key_env if name in env]
    return keys[0] if len(vendors) == len(keys) == 1 else ""


def key_file(port: int) -> str:
    """A service account whose tokens are sold at this port."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    account = {
        "type": "service_account",
        "project_id": "my-project",
        "client_email": "sluice@my-project.test",
        "private_key": pem,
        "token_uri": f"http://{HERE}:{port}/token",
    }
    return json.dumps(account)


def _variables(row: Provider) -> tuple[str, ...]:
    cloud = {"aws": (AMAZON,), "google": (GOOGLE,), "key": ()}[row.auth]
    return (*row.key_env, *row.base_url_env, *cloud)


def _providers(ai: Yaml) -> Iterator[Yaml]:
    if isinstance(one := ai.get("provider"), dict):
        yield one
    groups = ai.get("groups", [])
    assert isinstance(groups, list)
    for group in groups:
        yield from group["providers"]


async def _sell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sell TOKEN to whoever asks properly: a signed assertion in a form."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    form = await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
    assert form.startswith(b"assertion=") or b"&assertion=" in form
    body = json.dumps({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
    writer.write(head % len(body) + body)
    await writer.drain()
    writer.close()

"""The row: everything that Sluice knows of a provider before an operator overrides it."""

import msgspec

from sluice.providers.credential import HeaderPlacement


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """Who serves a dialect, where, and with which credential.

    `host` empty means that the operator has to say where. Paths are joined as `base_path + paths[operation]`.
    """

    key: str
    """The provider's key in configuration: `openai` in `ai.provider.openai: {}`."""
    telemetry_name: str
    """`gen_ai.provider.name` and the label `gen_ai_system`."""
    dialect: str
    """Id of the dialect that the provider speaks for chat."""
    host: str = ""
    port: int = 443
    tls: bool = True
    base_path: str = "/v1"
    chat_path: str = "/chat/completions"
    models_path: str = "/models"
    placement: HeaderPlacement = HeaderPlacement()
    key_env: tuple[str, ...] = ()
    """Environment variables that may hold the key, first one wins."""
    base_url_env: tuple[str, ...] = ()
    asks_usage: bool = True
    """Whether `stream_options.include_usage` may be added to a stream that did not ask for it."""

    @property
    def module_id(self) -> str:
        return f"provider.{self.key}"

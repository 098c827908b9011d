"""The built-in provider that needs no key: `sluice.testing.fake_provider`, in this process or as `sluice fake`.

Where it listens is not known before it runs, so the row names no host: the lifecycle fills it in.
"""

from sluice.providers.provider import Provider

FAKE = Provider(key="fake", telemetry_name="fake", dialect="dialect.openai_chat", tls=False, port=0)

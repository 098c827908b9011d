"""Settings of traffic in the environment: what is read, what is ignored, what is noted."""

from sluice.config.environment_settings import settings_in
from sluice.config.faults import Faults
from sluice.config.traffic_api import (
    DrainSettings,
    KeepAliveSettings,
    RetrySettings,
    StreamSettings,
    Timeouts,
    TrafficSettings,
)
from sluice.config.units import Duration


def read(env: dict[str, str]) -> tuple[TrafficSettings, list[str], list[str]]:
    """What is said, the notes, and what is wrong."""
    faults, notes = Faults(), list[str]()
    settings = settings_in(env, faults, notes)
    return settings, notes, sorted(faults._errors)


def test_members_of_one_mapping_come_together() -> None:
    env = {
        "LLM_STREAM_DRAIN_MAX_TOKENS": "9",
        "LLM_STREAM_DRAIN_MAX_DURATION": " 2s ",
        "LLM_STREAM_KEEP_ALIVE_INTERVAL": "1s",
        "LLM_RETRY_CODES": "503, 504 429",
        "LLM_TIMEOUTS_REQUEST": "1m",
    }
    stream = StreamSettings(
        drain=DrainSettings(max_tokens=9, max_duration=Duration(2)), keep_alive=KeepAliveSettings(interval=Duration(1))
    )
    expected = TrafficSettings(
        stream=stream, retry=RetrySettings(codes=(503, 504, 429)), timeouts=Timeouts(request=Duration(60))
    )
    assert read(env) == (expected, [], [])


def test_what_is_empty_or_of_others_says_nothing() -> None:
    env = {
        "LLM_RETRY_ATTEMPTS": " ",
        "LLM_STREAM_MAX": "",
        "LLM_PROVIDER": "x",
        "LLM_MODEL": "y",
        "RETRY_ATTEMPTS": "5",
    }
    assert read(env) == (TrafficSettings(), [], [])


def test_a_mistyped_variable_is_noted() -> None:
    _, notes, faults = read({"LLM_STREAM_KEEPALIVE_INTERVAL": "1s", "LLM_RETRY_ZZZZZZZZZZZZZZZ": "1"})
    assert faults == []
    assert notes == [
        "LLM_RETRY_ZZZZZZZZZZZZZZZ is set and has no effect.",
        "LLM_STREAM_KEEPALIVE_INTERVAL is set and has no effect: did you mean `LLM_STREAM_KEEP_ALIVE_INTERVAL`?",
    ]


def test_every_wrong_variable_is_told_and_the_right_ones_are_still_checked_together() -> None:
    _, _, faults = read(
        {
            "LLM_RETRY_ATTEMPTS": "x",
            "LLM_ERROR_FORMAT": "y",
            "LLM_STREAM_KEEP_ALIVE_INTERVAL": "0s",
            "LLM_STREAM_KEEP_ALIVE_COMMIT_AFTER": "1s",
        }
    )
    assert [fault.split(": ")[1] for fault in faults] == [
        "LLM_ERROR_FORMAT",
        "LLM_RETRY_ATTEMPTS",
        "LLM_STREAM_KEEP_ALIVE",
    ]

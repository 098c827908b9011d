"""A pytest plugin for `make fuzz`: the property tests of the parsers, with fifty times Hypothesis's usual examples.

A test that fixes `max_examples` itself keeps its number. A failure is printed with the line that replays it.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "fuzz",
    max_examples=5_000,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)

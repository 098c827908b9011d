"""Labels that an operator adds: on which series, with which values, and how many of them."""

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sluice.chat.usage import Usage
from sluice.policies.charge import CostFacts
from sluice.policies.cost import USD, Cost
from sluice.policies.observing import Observed
from sluice.relay.record import ExchangeRecord
from sluice.telemetry.metrics import Metrics

from .records import NOT_FOUND, PLAIN, STREAM
from .test_metrics import OPENMETRICS, counted, scrape, total

ADDED = ("user_org", "user_team")


def of(record: ExchangeRecord, *values: str) -> ExchangeRecord:
    return msgspec.structs.replace(record, observed=Observed(labels=values))


def labelled(*records: ExchangeRecord, max_series: int = 2_000) -> Metrics:
    metrics = Metrics("agentgateway_", "1", labels=ADDED, max_series=max_series)
    for record in records:
        metrics.observe(record)
    return metrics


def test_series_of_exchanges_have_the_added_labels_and_the_dashboards_can_group_by_them() -> None:
    samples = scrape(labelled(of(STREAM, "acme", "red"), of(STREAM, "acme", "blue"), of(PLAIN, "wile", "red")))
    for name, expected in (
        ("requests_total", 2),
        ("request_duration_seconds_count", 2),
        ("gen_ai_server_request_duration_count", 2),
        ("gen_ai_client_token_usage_count", 4),
        ("gen_ai_server_time_to_first_token_count", 2),
        ("stream_outcomes_total", 2),
        ("exchange_outcomes_total", 2),
        ("stream_event_added_seconds_count", 38),
    ):
        assert total(samples, name, user_org="acme") == expected, name
    assert total(samples, "gen_ai_client_token_usage_sum", user_org="wile", gen_ai_token_type="input") == 68
    assert total(samples, "requests_total", user_org="acme", user_team="blue") == 1


def test_every_family_with_the_labels_of_a_route_has_them_and_no_other() -> None:
    paid = CostFacts(cost=Cost(input=USD, status="Exact"), usage=Usage(input_tokens=1))
    everything = msgspec.structs.replace(
        of(STREAM, "acme", "red"),
        attempts=2,
        tried=(("a", "429"), ("b", "200")),
        outcome="timeout",
        error_code="timeout_idle",
        unrecognised=(("x", 1),),
        stream=msgspec.structs.replace(STREAM.stream, malformed=1),
        guards=(("pii", "Mask", 2),),
        money=paid,
    )
    text = labelled(everything).render("")[1].decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            routed = "route_rule" in sample.labels
            assert (sample.labels.get("user_org"), sample.labels.get("user_team")) == (
                ("acme", "red") if routed else (None, None)
            ), sample
    assert text.count('user_org="acme"') > 150


def test_what_nobody_said_is_unknown() -> None:
    samples = scrape(labelled(NOT_FOUND, of(NOT_FOUND, "acme"), of(NOT_FOUND, "", "red")))
    assert total(samples, "requests_total", user_org="unknown", user_team="unknown") == 1
    assert total(samples, "requests_total", user_org="acme", user_team="unknown") == 1
    assert total(samples, "requests_total", user_org="unknown", user_team="red") == 1


def test_an_exchange_counted_before_never_lends_its_values_to_another() -> None:
    samples = scrape(labelled(of(STREAM, "a", "x"), of(STREAM, "b", "x"), of(STREAM, "a", "x")))
    assert total(samples, "requests_total", user_org="a") == 2
    assert total(samples, "requests_total", user_org="b") == 1


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_values_that_clients_choose_are_cleaned_and_bounded_and_none_is_lost(accept: str) -> None:
    crowd = [of(STREAM, f"org-{number}\n", "x" * 500) for number in range(60)]
    samples = scrape(labelled(of(STREAM, "first", "red"), *crowd, of(STREAM, "first", "red"), max_series=20), accept)
    for name in ("requests_total", "gen_ai_server_request_duration_count", "stream_outcomes_total"):
        values = {dict(labels)["user_org"] for series, labels in samples if series == name}
        assert {"first", "other", "org-0"} <= values
        assert len(values) <= 22
        assert total(samples, name) == 62
        assert total(samples, name, user_org="first") == 2
    assert all(len(value) <= 128 for _, labels in samples for _, value in labels)


def test_when_the_series_are_full_an_organisation_is_other_in_all_of_them() -> None:
    samples = scrape(labelled(*(of(STREAM, f"org-{number}", "x") for number in range(60)), max_series=20))
    seen: dict[str, set[str]] = {}
    for name, labels in samples:
        if (value := dict(labels).get("user_org")) is not None:
            seen.setdefault(name, set()).add(value)
    assert len({frozenset(values) for values in seen.values()}) == 1


def test_without_added_labels_what_a_record_says_of_them_is_ignored() -> None:
    assert scrape(counted(of(STREAM, "acme", "red")), "")["build_info", frozenset({("tag", "0.1.0")})] == 1
    samples = scrape(counted(of(STREAM, "acme", "red"), STREAM))
    assert not [labels for _, labels in samples if "user_org" in dict(labels)]
    assert total(samples, "requests_total") == 2


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (("a-b",), "letters"),
        (("",), "letters"),
        (("1st",), "letters"),
        (("__name__",), "letters"),
        (("route",), "anyway"),
        (("outcome",), "anyway"),
        (("le",), "anyway"),
        (("worker",), "anyway"),
        (("org", "team", "org"), "twice"),
    ],
)
def test_a_label_that_would_spoil_the_series_is_refused(labels: tuple[str, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Metrics("agentgateway_", "1", labels=labels)

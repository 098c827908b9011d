"""Our bytes of Envoy's messages are those of the official protobuf runtime, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.gateway.limits_ports import Hits
from sluice.net.rate_limit_messages import read_response, request
from tests.support.rate_limit_server import MESSAGE

TEXT = st.text(max_size=40)
HITS = st.builds(
    Hits,
    st.lists(st.tuples(TEXT, TEXT), max_size=4).map(tuple),
    st.integers(0, (1 << 32) - 1),
    st.none() | st.tuples(st.integers(0, (1 << 32) - 1), st.integers(1, 6)),
)


@given(TEXT, st.lists(HITS, max_size=4))
def test_a_request_reads_as_it_was_meant(domain: str, hits: list[Hits]) -> None:
    read = MESSAGE["Request"].FromString(request(domain, hits))
    assert read.domain == domain
    assert len(read.descriptors) == len(hits)
    for sent, each in zip(read.descriptors, hits, strict=True):
        assert tuple((entry.key, entry.value) for entry in sent.entries) == each.entries
        assert sent.HasField("hits_addend")
        assert sent.hits_addend.value == each.count
        assert sent.HasField("limit") == (each.override is not None)
        if each.override is not None:
            assert (sent.limit.requests_per_unit, sent.limit.unit) == each.override


@given(st.integers(0, 3), st.lists(st.tuples(*[st.integers(0, 1 << 31)] * 3, st.booleans()), max_size=4), st.binary())
def test_a_response_is_read_as_it_was_written(
    code: int, statuses: list[tuple[int, int, int, bool]], body: bytes
) -> None:
    written = MESSAGE["Response"](overall_code=code, raw_body=body)
    for limit, left, reset_s, has_limit in statuses:
        status = written.statuses.add(code=1, limit_remaining=left)
        status.duration_until_reset.seconds = reset_s
        if has_limit:
            status.current_limit.requests_per_unit = limit
            status.current_limit.name = "n"
    written.response_headers_to_add.add(key="X-A", value="1")
    written.response_headers_to_add.add(key="x-raw", raw_value=b"2")
    written.request_headers_to_add.add(key="x-up", value="3")
    verdict = read_response(written.SerializeToString())
    assert verdict.admitted == (code == 1)
    assert verdict.limits == tuple((limit, left, reset_s) for limit, left, reset_s, has in statuses if has)
    assert verdict.headers == ((b"x-a", b"1"), (b"x-raw", b"2"))
    assert verdict.request_headers == ((b"x-up", b"3"),)
    assert verdict.message == body.decode("utf-8", "replace")


@given(st.binary(max_size=60))
def test_garbage_is_an_answer_or_a_value_error(garbage: bytes) -> None:
    try:
        read_response(garbage)
    except ValueError:
        return


@pytest.mark.parametrize("cut", range(1, 7))
def test_a_message_that_is_cut_off_is_refused(cut: int) -> None:
    whole = MESSAGE["Response"](raw_body=b"12345").SerializeToString()
    with pytest.raises(ValueError, match="cut off"):
        read_response(whole[: len(whole) - cut])

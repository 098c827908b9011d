"""gateway.quoted: what is left of what a provider says in its errors."""

import pytest

from sluice.errors import InBandFailure, NoBackend, ProtocolError, Refused, SluiceError, TimedOut
from sluice.gateway.quoted import MAX_CHARS, redact
from sluice.policies.guards import Guard, Judge, TextRules
from sluice.relay.guarding import Guarding, guarding
from sluice.relay.tally import Tally

CARD = "4111 1111 1111 1111"
MASK = TextRules(name="mask", builtins=("credit_card",), patterns=("TOPSECRET",))
REJECT = TextRules(name="reject", action="reject", patterns=("TOPSECRET",))
JUDGE = Judge(name="judge")
WITHHELD = "the provider answered with status 400; a guard withholds what it said"


def by(*guards: Guard) -> Guarding:
    found = guarding(guards, streams=True)
    assert found is not None
    return found


def refused(message: str = f"no TOPSECRET {CARD}") -> Refused:
    error = Refused(message, status=400, code="bad_TOPSECRET", type="invalid TOPSECRET")
    error.param = "messages[TOPSECRET]"
    return error


def said(error: SluiceError) -> tuple[str, str, str, str | None]:
    return str(error), error.code, error.type, error.param


def test_text_rules_look_at_each_text_of_an_error() -> None:
    error, tally = refused(), Tally()
    redact(error, (), by(MASK), tally)
    assert said(error) == (
        "no <masked> <CREDIT_CARD>",
        "bad_<masked>",
        "invalid <masked>",
        "messages[<masked>]",
    )
    facts = tally.facts()
    assert (facts.checks, facts.hits) == (4, (("mask", "mask", 5),))


@pytest.mark.parametrize("guards", [(REJECT,), (JUDGE,), (MASK, JUDGE), (MASK, REJECT)])
def test_where_one_rejects_or_a_service_judges_nothing_of_it_is_left(guards: tuple[Guard, ...]) -> None:
    error = refused()
    redact(error, (), by(*guards))
    assert said(error) == (WITHHELD, "upstream_refused", "api_error", None)
    assert error.status == 400


def test_what_no_rule_minds_stays_as_it_is_and_our_own_words_are_nobodys_business() -> None:
    error = Refused("the context is too long", status=400, code="context_length_exceeded")
    redact(error, (), by(REJECT, TextRules(patterns=("api_error",))))
    assert said(error) == ("the context is too long", "context_length_exceeded", "api_error", None)


@pytest.mark.parametrize("kind", [Refused, InBandFailure])
def test_errors_inside_an_answer_are_looked_at_like_those_before_one(kind: type[Refused | InBandFailure]) -> None:
    masked, judged = kind("a TOPSECRET", status=500), kind("a TOPSECRET", status=500)
    redact(masked, (), by(MASK))
    redact(judged, (), by(JUDGE))
    assert str(masked) == "a <masked>"
    assert "TOPSECRET" not in str(judged)
    assert "withholds" in str(judged)


def test_a_broken_protocol_is_told_by_us_but_for_the_word_that_it_quotes() -> None:
    quoting, ours = ProtocolError("invalid value 'TOPSECRET'"), ProtocolError("too large")
    redact(quoting, (), by(MASK, JUDGE))
    redact(ours, (), by(JUDGE))
    assert (str(quoting), str(ours)) == ("invalid value '<masked>'", "too large")
    rejected = ProtocolError("invalid value 'TOPSECRET'")
    redact(rejected, (), by(REJECT))
    assert said(rejected) == (
        "the provider's answer is not one of its API; a guard withholds what it said",
        "upstream_protocol_error",
        "api_error",
        None,
    )


@pytest.mark.parametrize("error", [TimedOut("total"), NoBackend("TOPSECRET is what we say ourselves")])
def test_our_own_sentences_are_not_looked_at(error: SluiceError) -> None:
    before, tally = said(error), Tally()
    redact(error, (), by(REJECT, JUDGE), tally)
    assert said(error) == before
    assert tally.facts().checks == 0


def test_an_error_is_looked_at_once_however_often_it_passes() -> None:
    error, tally = refused("masked"), Tally()
    for _ in range(3):
        redact(error, (), by(TextRules(patterns=("masked", "TOPSECRET"))), tally)
    assert str(error) == "<masked>"
    assert tally.facts().checks == 4


def test_nobody_is_asked_where_nobody_guards() -> None:
    error = refused()
    before = said(error)
    redact(error, ())
    assert said(error) == before
    redact(error, (), by(MASK))
    assert "<masked>" in str(error), "who guards later looks at it"


def test_our_credentials_are_taken_out_before_a_guard_sees_them() -> None:
    error = refused("Bearer sk-1 of TOPSECRET")
    redact(error, ("sk-1",), by(MASK))
    assert str(error) == "Bearer *** of <masked>"


@pytest.mark.parametrize("lead", range(MAX_CHARS - len(CARD) - 1, MAX_CHARS + 1))
def test_the_beginning_of_a_value_at_the_cut_is_not_told(lead: int) -> None:
    text = "x" * (lead - 1) + " " + CARD
    whole, cut = refused(text), refused(text[:MAX_CHARS])
    for error in (whole, cut):
        redact(error, (), by(MASK))
        assert "4" not in str(error)
        assert str(error).startswith("xxx")


def test_a_rule_that_wants_all_of_a_text_lets_no_half_pass() -> None:
    rule = TextRules(patterns=("TOPSECRET",), mode="buffer")
    short, long = refused("a TOPSECRET"), refused("a" * MAX_CHARS)
    redact(short, (), by(rule))
    redact(long, (), by(rule))
    assert (str(short), str(long)) == ("a <masked>", WITHHELD)

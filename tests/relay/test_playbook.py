"""testing/playbook.py: a script that the relay does not keep to fails, and says where."""

import pytest

from sluice.errors import TimedOut, Truncated
from sluice.policies.judges import PASS, JudgeFailed
from sluice.relay.outcome import CLIENT_GONE
from sluice.testing.playbook import (
    Playbook,
    ask,
    at,
    broke,
    client_gone,
    cut,
    end,
    eof,
    feed,
    resume,
    send,
    send_that,
    tick,
)
from sluice.testing.steps import Ended
from tests.relay.guarded import WORDS, stream
from tests.relay.relays import opaque, text


def said(playbook: Playbook) -> str:
    with pytest.raises(AssertionError) as caught:
        playbook.run()
    return str(caught.value)


def test_a_script_that_is_kept_passes() -> None:
    (Playbook(opaque()) >> feed(b"a") << send(b"a") >> at(3) >> tick() >> eof() << end("completed") >> feed(b"b")).run()
    (Playbook(opaque()) >> client_gone() << end("client_gone")).run()
    (Playbook(opaque()) >> cut(CLIENT_GONE) << end("client_gone")).run()
    (Playbook(opaque()) >> broke(TimedOut("idle")) << end("timeout", code="timeout_idle", status=504)).run()
    (Playbook(opaque()) >> feed(b"ab") << send_that("two bytes", lambda data: len(data) == 2)).run()
    (Playbook(opaque()) >> feed(b"ab") << send(b"a") << send(b"b")).run()


def test_the_diff_shows_the_line_that_differs_and_leaves_the_others() -> None:
    playbook = Playbook(opaque()) >> feed(b"a\nb\n") << send(b"a\nc\n") >> eof() << end("completed")
    assert said(playbook).splitlines() == [
        "the relay did not keep to the script:",
        r"  >> feed(b'a\nb\n')",
        "  << send",
        r"       b'a\n'",
        r"-      b'c\n'",
        r"+      b'b\n'",
        "  >> eof()",
        "  << end(completed)",
    ]


def test_an_action_that_the_script_does_not_name_is_a_failure() -> None:
    assert "+ << send" in said(Playbook(opaque()) >> feed(b"a") >> eof() << end("completed"))


def test_an_action_that_does_not_come_is_a_failure() -> None:
    assert "- << end(completed)" in said(Playbook(opaque()) >> feed(b"a") << send(b"a") << end("completed"))


def test_what_was_checked_by_a_function_is_named() -> None:
    message = said(Playbook(opaque()) >> feed(b"a") << send_that("no bytes", lambda data: not data))
    assert "- << send bytes that are no bytes" in message
    assert "+      b'a'" in message


@pytest.mark.parametrize("wanted", [end("completed"), end("timeout", code="x"), end("timeout", status=502)])
def test_another_end_is_a_failure(wanted: Ended) -> None:
    playbook = Playbook(opaque()) >> broke(TimedOut("idle"))
    message = said(playbook << wanted)
    assert "+ << end(timeout, timeout_idle, 504: the provider fell silent" in message


def test_words_for_what_happens() -> None:
    script = Playbook(opaque()) >> at(0.5) >> broke(Truncated("x")) << end("completed") >> cut(CLIENT_GONE)
    message = said(script >> tick() >> client_gone())
    assert "  >> at(0.5)\n  >> broke(upstream_truncated)\n" in message
    assert message.endswith("  >> cut(client_gone)\n  >> tick()\n  >> client_gone()")


def test_a_script_begins_with_what_happens() -> None:
    with pytest.raises(ValueError, match="begins with what happens"):
        (Playbook(opaque()) << send(b"a")).run()


def test_a_script_that_is_never_run_warns() -> None:
    playbook = Playbook(opaque()) >> eof() << end("completed")
    with pytest.warns(ResourceWarning, match="never run"):
        playbook.__del__()
    playbook.run()


def test_feeding_shows_the_cut_in_words() -> None:
    message = said(Playbook(opaque()) >> cut(CLIENT_GONE) >> eof())
    assert message.splitlines()[1:] == ["  >> cut(client_gone)", "+ << end(client_gone)", "  >> eof()"]


def test_a_write_that_should_have_been_an_end_is_a_failure() -> None:
    message = said(Playbook(opaque()) >> feed(b"a") << end("timeout", code="timeout_idle", status=504))
    assert "- << end(timeout, timeout_idle, 504)" in message


def test_questions_and_their_answers_are_lines_of_a_script() -> None:
    def begun() -> Playbook:
        return Playbook(stream(WORDS)) >> feed(text("a.")) << ask("words", "a.")

    (begun() >> resume(PASS) << send_that("the text", lambda data: b'"a."' in data)).run()
    message = said(begun() >> resume(JudgeFailed("x")) << ask("words", "b."))
    assert "  << ask(words, ('a.',))\n  >> resume(JudgeFailed('x'))\n- << ask(words, ('b.',))\n+ << end(" in message
    assert "- << ask(words, ('b.',))\n+ << ask(words, ('a.',))" in said(
        Playbook(stream(WORDS)) >> feed(text("a.")) << ask("words", "b.")
    )

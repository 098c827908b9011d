"""What a docstring says of parameters, in the three usual ways."""

import inspect

import pytest

from sluice.agents.docstring import described

GOOGLE = """Add.

    Args:
        a: The first
            number.
        b (int): The second.

    Returns:
        c: not a parameter.
    """
NUMPY = """Add.

    Parameters
    ----------
    a : int
        The first
        number.
    b
        The second.

    Returns
    -------
    c
        not a parameter.
    """
REST = """Add.

    :param a: The first
        number.
    :param int b: The second.
    :returns: nothing of a.
    """


@pytest.mark.parametrize("doc", [GOOGLE, NUMPY, REST], ids=["google", "numpy", "rest"])
def test_each_parameter_has_its_words_and_the_rest_is_the_description(doc: str) -> None:
    text, words = described(inspect.cleandoc(doc))
    assert text == "Add."
    assert words == {"a": "The first number.", "b": "The second."}


def test_a_docstring_without_sections_is_all_description() -> None:
    assert described("Say: hello.\n\nAnd more.") == ("Say: hello.\n\nAnd more.", {})
    assert described("") == ("", {})

"""The fake provider's words: pieces of text like a tokenizer's, their count, and an answer that suits its question.

Pure and deterministic: chance comes from the seed that is handed in.
"""

import hashlib
import re

_PIECE = re.compile(r" ?[^\W\d_]{1,12}| ?\d{1,3}| ?[^\w\s]{1,4}| ?_+|\s+(?!\S)|\s+")
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

MAX_QUOTE = 120
"""Characters of the user's message that an answer quotes."""

_OPENINGS = (
    "You asked: “{quote}” Here is a short answer, sent to you piece by piece.",
    "Thank you for your message, “{quote}” Let me answer it while you watch.",
    "About “{quote}”: here is what a stream can tell you.",
)
_MIDDLES = (
    (
        "Streaming responses arrive while they are still being written, so the first words are on your screen long "
        "before the last one exists."
    ),
    "A streaming response is sent token by token as it is generated, instead of all at once when it is complete.",
    (
        "With streaming, each piece of the text leaves the server the moment it is ready, and nobody has to wait for "
        "the whole of it."
    ),
)
_CLOSINGS = (
    "That makes a long answer feel quick, and it lets you stop one that goes the wrong way.",
    (
        "It is useful because people can read along, and because a program can act on the beginning before the end is "
        "there."
    ),
    "The text is the same in the end; what changes is how soon you can begin to read.",
)


def pieces(text: str) -> list[str]:
    """Cut a text as tokenizers do: a word takes the space before it along. Joined, the pieces are the text.

    A piece is up to 12 letters, 3 digits or 4 signs, or a run of white space.
    """
    return _PIECE.findall(text)


def count(text: str) -> int:
    """Return the number of tokens that a text counts for: its pieces."""
    return len(pieces(text))


def name(seed: bytes, prefix: str, length: int, alphabet: str = _ALPHABET) -> str:
    """Return an identifier that belongs to this seed and prefix, `length` letters after the prefix."""
    number = int.from_bytes(hashlib.shake_256(prefix.encode() + seed).digest(length), "big")
    letters = []
    for _ in range(length):
        number, digit = divmod(number, len(alphabet))
        letters.append(alphabet[digit])
    return prefix + "".join(letters)


def quote(text: str) -> str:
    """Return the beginning of a text, on one line, cut between two words."""
    line = " ".join(text.split())
    if len(line) <= MAX_QUOTE:
        return line
    return line[:MAX_QUOTE].rpartition(" ")[0].rstrip(",;:") + " …" if " " in line[:MAX_QUOTE] else line[:MAX_QUOTE]


def answer(question: str, seed: bytes, choice: int) -> str:
    """Return a couple of sentences about streaming that name the question; another choice says it otherwise."""
    dice = hashlib.sha256(b"%d:%b" % (choice, seed)).digest()
    opening, middle, closing = (
        said[(dice[place] + choice) % len(said)] for place, said in enumerate((_OPENINGS, _MIDDLES, _CLOSINGS))
    )
    return f"{opening.format(quote=quote(question)) if question.strip() else 'Hello!'} {middle} {closing}"


def answer_about_result(result: str) -> str:
    """Return the answer that follows a tool's result and quotes it."""
    return f"The tool answered: {quote(result)} That is the result, streamed to you as any other answer."


def reasoning(question: str, step: int) -> str:
    """Return the thoughts before an answer: they name the question, and the step of a tool loop after the first."""
    asked = f"The user says “{quote(question)}”" if question.strip() else "The user says nothing."
    return f"{asked} {_THOUGHTS[min(step, len(_THOUGHTS) - 1)]}"


_THOUGHTS = (
    "Let me see what is wanted, and whether a tool has to be asked first.",
    "The tool has answered. Let me see whether that is enough.",
    "Another tool has answered. Let me put it all together.",
)

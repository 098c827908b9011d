"""What a docstring says of a function and of its parameters: Google's, NumPy's and reST's ways of writing it."""

import re

_SECTION = re.compile(
    r"(?P<name>Args|Arguments|Parameters|Params|Returns?|Yields?|Raises|Examples?|Notes?|See Also):?\s*\Z"
)
_TAKES = frozenset({"Args", "Arguments", "Parameters", "Params"})
_GOOGLE = re.compile(r"\*{0,2}(?P<name>\w+)(?:\s*\([^)]*\))?\s*:\s*(?P<text>.*)\Z")
_NUMPY = re.compile(r"(?P<name>\w+)(?:\s*:.*)?\Z")
_REST = re.compile(r":param\s+(?:\S+\s+)?(?P<name>\w+):\s*(?P<text>.*)\Z")
_REST_OTHER = re.compile(r":(?:returns?|raises?|rtype|type)\b.*")


def described(doc: str) -> tuple[str, dict[str, str]]:
    """Return what stands before all sections, and what is said of each parameter. `doc` is clean of its indentation, as
    `inspect.getdoc` gives it."""
    before: list[str] = []
    words: dict[str, list[str]] = {}
    section, current = "", ""
    for line in doc.split("\n"):
        text = line.strip()
        heading = _SECTION.match(text) if not line.startswith(" ") else None
        if heading is not None:
            section, current = heading["name"], ""
        elif rest := _REST.match(text):
            section, current = "Args", rest["name"]
            words[current] = [rest["text"]]
        elif _REST_OTHER.match(text):
            section = "Returns"
        elif not section:
            before.append(text)
        elif section in _TAKES and text and not set(text) <= {"-"}:
            current = _take(line, text, current, words)
    return "\n".join(before).strip(), {name: " ".join(texts).strip() for name, texts in words.items() if any(texts)}


def _take(line: str, text: str, current: str, words: dict[str, list[str]]) -> str:
    """Take a line of a section of parameters; return the parameter that it is about."""
    depth = len(line) - len(line.lstrip())
    if depth == 0 and (numpy := _NUMPY.match(text)):
        words[numpy["name"]] = []
        return numpy["name"]
    google = _GOOGLE.match(text)
    if google and 0 < depth <= 4:
        words[google["name"]] = [google["text"]]
        return google["name"]
    if current:
        words[current].append(text)
    return current

"""YAML text to plain values that remember where they stood.

PURE, and safe against hostile text: sizes, depth and the expansion of aliases are bounded before anything is built.
Obeys: YAML 1.1 as Kubernetes reads it, restricted to the JSON types: keys, timestamps and `1:30` are strings, custom
tags are refused, a key may stand in a mapping only once. Messages name places and rules, never contents.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import msgspec
import yaml

from sluice.config.faults import Faults, Path, Place, path_text

MAX_TEXT_BYTES = 4 << 20
"""Largest file. etcd refuses objects above 1.5 MiB, so this holds several of the largest."""
MAX_NODES = 100_000
"""Values per document after aliases are expanded. A billion laughs stop here."""
MAX_DEPTH = 64
"""Nesting. The YAML library composes recursively in C and crashes the process at some ten thousands."""

_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"
_CONSTRUCT = yaml.constructor.SafeConstructor()
_RESOLVER = yaml.resolver.Resolver()

Expand = Callable[[str], tuple[str, Mapping[str, str]]]
"""Returns a text with its variables replaced, and by what, by their names. May raise LookupError."""
Variables = Callable[[str | None], Expand | None]
"""Returns how variables are replaced in an object of this kind, or in what is no object (None); None = not at all."""


class Source(msgspec.Struct, frozen=True):
    """One file: the name that errors show, and its text."""

    name: str
    text: str


class Document:
    """One YAML document, or one item of a `List`: its plain value, and the way back to lines."""

    def __init__(
        self,
        file: str,
        node: yaml.Node,
        value: object,
        prefix: Path = (),
        others: Mapping[Path, object] = MappingProxyType({}),
    ) -> None:
        self.file, self.value, self._node, self._prefix, self._others = file, value, node, prefix, others

    def place(self, *path: str | int) -> Place:
        """Return where a value stands; the line of a mapping's entry is that of its key.

        A path that is not there ends at the last step that is.
        """
        node, line = self._node, self._node.start_mark.line
        for step in path:
            found = _step(node, step)
            if found is None:
                break
            node, line = found
        return Place(self.file, line + 1, path_text(self._prefix + path))

    def part(self, value: object, *path: str | int) -> "Document":
        """Return the document of a part of this one. Its path is present."""
        node = self._node
        for step in path:
            found = _step(node, step)
            if found is not None:
                node = found[0]
        return Document(self.file, node, value, self._prefix + path, self._others)

    def other(self, *path: str | int) -> object:
        """Return what a value is too, if it came from a variable: the text of a number, or the number of a text. None =
        it is nothing else."""
        return self._others.get(self._prefix + path)

    def written(self, *path: str | int) -> str:
        """Return a scalar as the file has it, before variables were expanded; empty if there is none."""
        node = self.part(None, *path)._node
        return node.value if isinstance(node, yaml.ScalarNode) else ""


def read(source: Source, faults: Faults, variables: Variables | None = None) -> list[Document]:
    """Return the documents of a file that are not empty, in order; what is wrong goes to `faults`.

    Variables are replaced in every scalar that is not a key; from then on no fault shows what was inserted.
    """
    if len(source.text) > MAX_TEXT_BYTES:
        faults.add(Place(source.name), f"the file is larger than {MAX_TEXT_BYTES} bytes")
        return []
    documents = []
    for node in _compose(source, faults):
        builder = _Builder(source.name, faults, variables)
        value = builder.build(node, ())
        if value is not None and not builder.failed:
            documents.append(Document(source.name, node, value, (), builder.others))
    return documents


def _compose(source: Source, faults: Faults) -> list[yaml.Node]:
    try:
        depth = 0
        for event in yaml.parse(source.text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark is not None else 0
                faults.add(Place(source.name, line), f"values are nested deeper than {MAX_DEPTH} levels")
                return []
        return [node for node in yaml.compose_all(source.text, Loader=yaml.CSafeLoader) if node is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # libyaml's problems are fixed sentences; PyYAML's contexts may quote the text, so they are left out.
        lines = source.text.rstrip("\n").count("\n") + 1  # a text that ends too early is wrong in its last line
        line, problem = min(mark.line + 1, lines) if mark else 0, error.problem or "the text is malformed"
        tab = mark is not None and _begins_with_tab(source.text, mark.line)
        faults.add(
            Place(source.name, line), f"not valid YAML: {problem}", "indent with spaces, not tabs" if tab else ""
        )
    except yaml.reader.ReaderError as error:
        line = source.text.count("\n", 0, error.position) + 1
        faults.add(Place(source.name, line), "not valid YAML: the text holds a control character")
    except UnicodeError as error:
        line = source.text.count("\n", 0, getattr(error, "start", 0)) + 1
        faults.add(Place(source.name, line), "not valid YAML: the text is not UTF-8")
    return []


def _begins_with_tab(text: str, line: int) -> bool:
    """Whether a tab is among what a line is indented with; `line` counts from 0."""
    lines = text.split("\n")
    return line < len(lines) and "\t" in lines[line][: len(lines[line]) - len(lines[line].lstrip())]


def _step(node: yaml.Node, step: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item, item.start_mark.line
    if isinstance(node, yaml.MappingNode):
        for key, value in _entries(node):
            if key.value == str(step):
                return value, key.start_mark.line
    return None


def _parts(node: yaml.MappingNode) -> Iterator[tuple[yaml.MappingNode, bool]]:
    """Yield a mapping, then what `<<` merges into it, and into that, in the order in which a name's first entry counts;
    and whether it has not been there before."""
    waiting, seen = [node], set[int]()
    while waiting:
        part = waiting.pop()
        fresh = id(part) not in seen
        yield part, fresh
        if fresh:
            seen.add(id(part))
            found = [each for key, value in part.value if key.tag == _MERGE for each in _merged(value)]
            waiting += [each for each in reversed(found) if isinstance(each, yaml.MappingNode)]


def _merged(value: yaml.Node) -> list[yaml.Node]:
    return value.value if isinstance(value, yaml.SequenceNode) else [value]


def _entries(node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Yield a mapping's own entries, then those that are merged into it."""
    for part, fresh in _parts(node):
        if fresh:
            yield from ((key, value) for key, value in part.value if key.tag != _MERGE)


def _kind(node: yaml.Node) -> str | None:
    """Return the kind of an object, empty if it has none; None for what is no object."""
    entries = node.value if isinstance(node, yaml.MappingNode) else []
    head = {key.value: value.value for key, value in entries if key.value in ("apiVersion", "kind")}
    return str(head.get("kind", "")) if head else None


class _Builder:
    """Turn the nodes of one document into dicts, lists and scalars; bounded by MAX_NODES and MAX_DEPTH, aliases
    expanded.
    """

    def __init__(self, file: str, faults: Faults, variables: Variables | None) -> None:
        self._file, self._faults, self._variables = file, faults, variables
        self._expand: Expand | None = None
        self.others: dict[Path, object] = {}
        self._count = 0
        self.failed = False

    def build(self, node: yaml.Node, path: Path) -> object:
        self._count += 1
        if self._count > MAX_NODES or len(path) > MAX_DEPTH:
            if not self.failed:
                self._fail(node, (), f"the document expands to more than {MAX_NODES} values or {MAX_DEPTH} levels")
            return None
        if self._variables is not None and all(step == "items" or isinstance(step, int) for step in path):
            self._expand = self._variables(_kind(node))  # the document, or an item of a `List`
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        self._fail(node, path, "a custom YAML tag is not allowed")
        return None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> object:
        result: dict[str, object] = {}
        for part, fresh in _parts(node):
            if part is not node:  # what is merged costs time, even where it gives way
                self._count += 1 + len(part.value)
            if self._count > MAX_NODES:
                self.build(node, path)  # it says so
                break
            for key, value in part.value if fresh else ():
                self._entry(result, key, value, path, own=part is node)
        return result

    def _entry(self, result: dict[str, object], key: yaml.Node, value: yaml.Node, path: Path, *, own: bool) -> None:
        if not isinstance(key, yaml.ScalarNode):
            self._fail(key, path, "a key must be a string")
        elif key.tag == _MERGE:
            if not all(isinstance(each, yaml.MappingNode) for each in _merged(value)):
                self._fail(key, path, "`<<` takes a mapping, or a list of mappings")
        elif key.value not in result:
            result[key.value] = self.build(value, (*path, key.value))
        elif own:  # a merged entry gives way silently; an own one would be lost
            self._fail(key, (*path, key.value), "the key stands here twice")

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> object:
        text, tag = node.value, node.tag
        if self._expand is not None and "$" in text:
            try:
                text, values = self._expand(text)
            except LookupError as error:
                self._fail(node, path, str(error))
                return None
            if values:
                self._faults.inserted(Place(self._file, node.start_mark.line + 1, path_text(path)), node.value, values)
                return self._variable(node, text, path)
        try:
            return _typed(text, tag)
        except ValueError as error:
            self._fail(node, path, str(error))
            return None

    def _variable(self, node: yaml.ScalarNode, text: str, path: Path) -> object:
        """Return what a text with variables in it is. A plain one is read again, so `port: $PORT` is a number; a quoted
        one is a text, and within braces there is no other way to write `"${PORT}"`. So the other is kept too.
        """
        tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]  # PyYAML ships no types
        try:
            value = _typed(text, tag)
        except ValueError:
            return text
        if isinstance(value, str):
            return value
        quoted = node.style in ("'", '"', "|", ">")
        self.others[path] = value if quoted else text
        return text if quoted else value

    def _fail(self, node: yaml.Node, path: Path, message: str) -> None:
        self.failed = True
        self._faults.add(Place(self._file, node.start_mark.line + 1, path_text(path)), message)


def _typed(text: str, tag: str) -> object:
    """Return a scalar of one of JSON's types.

    Raises:
        ValueError: it is of another type, or not what its tag says.
    """
    kind = tag.removeprefix(_TAG)
    if kind in ("int", "float") and ":" in text:  # YAML 1.1 has numbers to the base 60, Kubernetes has none
        kind = "str"
    if kind in ("int", "float", "bool", "null"):
        try:
            return getattr(_CONSTRUCT, f"construct_yaml_{kind}")(yaml.ScalarNode(tag, text))
        except (ValueError, OverflowError, KeyError):
            raise ValueError(f"the value is not a {kind}") from None
    if kind in ("str", "timestamp", "merge", "value"):
        return text
    raise ValueError("a custom YAML tag is not allowed")

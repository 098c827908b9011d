"""Makes mutants of a Python file: the same text with one small mistake in it, of the kind people make.

Works on text by the positions `ast` gives, so that a mutant differs from its origin in one place and a diff shows it.
Docstrings, annotations and the text of messages are left alone: no test should care about those.
"""

import ast

import msgspec

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
"""The mistake for each operator; one without an entry is left alone."""


class Mutant(msgspec.Struct, frozen=True):
    """One mistake: the bytes from `start` to `end` of the file become `text`."""

    line: int
    kind: str
    start: int
    end: int
    text: str

    def apply(self, source: bytes) -> bytes:
        """Return `source` with the mistake in it."""
        return source[: self.start] + self.text.encode() + source[self.end :]


def mutants(source: str) -> list[Mutant]:
    """Return every mutant of a file, in order of place; each of them still compiles and differs from the file."""
    tree = ast.parse(source)
    maker = _Maker(source)
    maker.visit(tree)
    found = {(mutant.start, mutant.end, mutant.text): mutant for mutant in maker.found}
    encoded = source.encode()
    return [found[key] for key in sorted(found) if _compiles(found[key].apply(encoded))]


def _compiles(source: bytes) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:  # a `continue` outside of a loop, say
        return False
    return True


class _Maker(ast.NodeVisitor):
    """Walks a tree and collects mutants."""

    def __init__(self, source: str) -> None:
        self.found: list[Mutant] = []
        self._source = source
        self._starts = [0]
        for line in source.encode().split(b"\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._inside_function = False

    def _add(self, node: ast.expr | ast.stmt, kind: str, text: str) -> None:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._starts[node.lineno - 1] + node.col_offset
        end = self._starts[node.end_lineno - 1] + node.end_col_offset
        self.found.append(Mutant(node.lineno, kind, start, end, text))

    def _replace(self, node: ast.expr, kind: str, mistake: ast.expr) -> None:
        self._add(node, kind, f"({ast.unparse(mistake)})")

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for statement in node.body:
            self.visit(statement)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        outer, self._inside_function = self._inside_function, True
        for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(default)
        for statement in node.body:
            self.visit(statement)
        self._inside_function = outer

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self._remove(node)
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        # A local that is never bound is a NameError, which any test that runs the line notices. An attribute is not.
        if any(isinstance(goal, ast.Attribute | ast.Subscript) for goal in node.targets):
            self._remove(node)
        self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._remove(node)
        operator = _ARITHMETIC.get(type(node.op))
        if operator:
            self._add(node, "operator", ast.unparse(ast.AugAssign(node.target, operator(), node.value)))
        self.visit(node.value)

    def visit_Delete(self, node: ast.Delete) -> None:
        self._remove(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._remove(node)  # and not into the arguments: they are the text of a message

    def visit_Assert(self, node: ast.Assert) -> None:
        """Leave assertions alone: they state what cannot be otherwise."""

    def visit_Return(self, node: ast.Return) -> None:
        if node.value:
            # None instead of False is no mistake that anyone could notice.
            if not (isinstance(node.value, ast.Constant) and node.value.value in (None, False)):
                self._add(node, "return", "return None")
            self.visit(node.value)

    def visit_Break(self, node: ast.Break) -> None:
        self._add(node, "loop", "continue")

    def visit_Continue(self, node: ast.Continue) -> None:
        self._add(node, "loop", "break")

    def visit_If(self, node: ast.If) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._replace(node, "not", node.operand)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self._replace(node, "and/or", ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        operators = [_COMPARE[type(node.ops[0])](), *node.ops[1:]]
        self._replace(node, "compare", ast.Compare(node.left, operators, node.comparators))
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        operator = _ARITHMETIC.get(type(node.op))
        # Outside functions `|` joins types.
        if operator and (self._inside_function or not isinstance(node.op, ast.BitOr)):
            self._replace(node, "operator", ast.BinOp(node.left, operator(), node.right))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._add(node, "constant", str(not node.value))
        elif isinstance(node.value, int | float):
            self._add(node, "constant", repr(node.value + 1))
        elif isinstance(node.value, bytes):
            self._add(node, "constant", repr(node.value + b"X"))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave text for people alone."""

    def _negate(self, test: ast.expr) -> None:
        if not isinstance(test, ast.Compare | ast.UnaryOp):
            self._replace(test, "condition", ast.UnaryOp(ast.Not(), test))

    def _remove(self, node: ast.stmt) -> None:
        if self._inside_function:
            self._add(node, "statement", "pass")

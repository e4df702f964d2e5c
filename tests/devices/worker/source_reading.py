"""One function of the worker, read from its top: the names of TensorRT that it asks for in one release."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tensorrt_kinds import CALLED_SO, MODULE, RETURNS, UNKNOWN, Thing, Unknown, Words

if TYPE_CHECKING:
    from tensorrt_calls import Asked


class FunctionReading:
    """Statement by statement, with what is known of the values; what is asked for is noted down in `asked`."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.values: dict[str, Any] = {}
        self.returned: list[Any] = []
        self.forgiving = 0

    def result(self, body: Sequence[ast.stmt]) -> Any:
        self.block(body)
        known = [value for value in self.returned if not isinstance(value, Unknown) and value is not None]
        return known[0] if known else UNKNOWN

    def block(self, statements: Iterable[ast.stmt]) -> bool:
        """Whether nothing behind these statements is reached."""
        return any(self.statement(statement) for statement in statements)

    def statement(self, node: ast.stmt) -> bool:
        read = getattr(self, f"_{type(node).__name__.lower()}", None)
        if read is not None:
            return bool(read(node))
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child)
        return False

    def _if(self, node: ast.If) -> bool:
        decided = _truth(self.value(node.test))
        if decided is not None:
            return self.block(node.body if decided else node.orelse)
        ended, other_ended = self.block(node.body), self.block(node.orelse)
        return ended and other_ended

    def _for(self, node: ast.For) -> None:
        self.bind(node.target, _element(self.value(node.iter)))
        self.block(node.body)
        self.block(node.orelse)

    def _while(self, node: ast.While) -> None:
        self.value(node.test)
        self.block(node.body)

    def _with(self, node: ast.With) -> bool:
        for item in node.items:
            self.value(item.context_expr)
        return self.block(node.body)

    def _try(self, node: ast.Try) -> bool:
        goes_on = not any(isinstance(one, ast.Raise) for handler in node.handlers for one in ast.walk(handler))
        self.forgiving += goes_on
        ended = self.block(node.body)
        self.forgiving -= goes_on
        handled = [self.block(handler.body) for handler in node.handlers]
        ended = ended or self.block(node.orelse)
        return self.block(node.finalbody) or (ended and all(handled))

    def _return(self, node: ast.Return) -> bool:
        self.returned.append(self.value(node.value) if node.value else None)
        return True

    def _raise(self, node: ast.Raise) -> bool:
        if node.exc:
            self.value(node.exc)
        return True

    def _continue(self, node: ast.Continue) -> bool:
        return True

    _break = _continue

    def _assign(self, node: ast.Assign) -> None:
        value = self.value(node.value)
        for target in node.targets:
            self.bind(target, value)

    def _annassign(self, node: ast.AnnAssign) -> None:
        self.bind(node.target, self.value(node.value) if node.value else UNKNOWN)

    def _functiondef(self, node: ast.FunctionDef) -> None:
        self.block(node.body)

    def _classdef(self, node: ast.ClassDef) -> None:
        bases = [base for base in map(self.value, node.bases) if isinstance(base, Thing)]
        for method in node.body:
            for base in bases:
                if isinstance(method, ast.FunctionDef):
                    self.name(base, method.name)  # what TensorRT calls under this name
        self.block(node.body)

    def bind(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Name):
            self.values[target.id] = value
        elif isinstance(target, ast.Tuple):
            values = value if isinstance(value, tuple) and len(value) == len(target.elts) else None
            for place, one in enumerate(target.elts):
                self.bind(one, values[place] if values else UNKNOWN)
        else:
            self.value(target)

    def name(self, thing: Thing, name: str) -> Any:
        """`thing.name`, noted down."""
        if name.startswith("__"):
            return UNKNOWN
        (self.asked.tried if self.forgiving else self.asked.needed).add((thing.kind, name))
        return Thing(name) if thing.kind == MODULE else UNKNOWN

    def value(self, node: ast.expr) -> Any:
        read = getattr(self, f"_{type(node).__name__.lower()}", None)
        if read is not None:
            return read(node)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child)
        return UNKNOWN

    def _constant(self, node: ast.Constant) -> Any:
        return node.value

    def _tuple(self, node: ast.Tuple) -> Any:
        return tuple(map(self.value, node.elts))

    def _name(self, node: ast.Name) -> Any:
        if node.id in self.values:
            return self.values[node.id]
        if node.id in self.asked.constants:
            return self.asked.constants[node.id]
        return Thing(CALLED_SO[node.id]) if node.id in CALLED_SO else UNKNOWN

    def _attribute(self, node: ast.Attribute) -> Any:
        owner = self.value(node.value)
        if isinstance(owner, Thing):
            return self.name(owner, node.attr)
        if node.attr == "rtx":
            return self.asked.rtx
        if any(_is_property(function) for function in self.asked.functions.get(node.attr, ())):
            return self.asked.call(node.attr)
        noun = node.attr.lstrip("_")
        return Thing(CALLED_SO[noun]) if noun in CALLED_SO else UNKNOWN

    def _subscript(self, node: ast.Subscript) -> Any:
        self.value(node.slice)
        return _element(self.value(node.value))

    def _call(self, node: ast.Call) -> Any:
        arguments = [self.value(argument) for argument in node.args]
        for keyword in node.keywords:
            self.value(keyword.value)
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value)
            if isinstance(owner, Thing):
                made = self.name(owner, node.func.attr)
                kind = RETURNS.get((owner.kind, node.func.attr))
                return Thing(kind) if kind else made
            return self.asked.call(node.func.attr)
        if not isinstance(node.func, ast.Name):
            self.value(node.func)
            return UNKNOWN
        known = {"hasattr": self._hasattr, "getattr": self._getattr, "version_numbers": lambda *_: self.asked.release}
        return known[node.func.id](*arguments) if node.func.id in known else self.asked.call(node.func.id)

    def _hasattr(self, owner: Any, name: Any) -> Any:
        if owner is None:
            return False
        return self._try_name(owner, name) if isinstance(owner, Thing) and isinstance(name, str) else UNKNOWN

    def _try_name(self, thing: Thing, name: str) -> bool:
        self.asked.tried.add((thing.kind, name))
        return self.asked.has(thing.kind, name)

    def _getattr(self, owner: Any, name: Any, *otherwise: Any) -> Any:
        if not isinstance(owner, Thing):
            return UNKNOWN
        if otherwise and isinstance(name, str) and not self._try_name(owner, name):
            return otherwise[0]
        names = (name,) if isinstance(name, str) else name.words if isinstance(name, Words) else ("*",)
        things = [self.name(owner, one) for one in names]
        return things[0]

    def _boolop(self, node: ast.BoolOp) -> Any:
        deciding = isinstance(node.op, ast.Or)
        undecided = False
        for operand in node.values:
            truth = _truth(self.value(operand))
            if truth is deciding:
                return deciding
            undecided = undecided or truth is None
        return UNKNOWN if undecided else not deciding

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        truth = _truth(self.value(node.operand))
        return not truth if isinstance(node.op, ast.Not) and truth is not None else UNKNOWN

    def _compare(self, node: ast.Compare) -> Any:
        left, right = self.value(node.left), self.value(node.comparators[0])
        for comparator in node.comparators[1:]:
            self.value(comparator)
        if not (isinstance(left, tuple) and isinstance(right, tuple)):
            return UNKNOWN
        return {ast.Lt: left < right, ast.GtE: left >= right}.get(type(node.ops[0]), UNKNOWN)

    def _ifexp(self, node: ast.IfExp) -> Any:
        decided = _truth(self.value(node.test))
        if decided is not None:
            return self.value(node.body if decided else node.orelse)
        value, other = self.value(node.body), self.value(node.orelse)
        return value if value == other else UNKNOWN

    def _listcomp(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp) -> Any:
        self._generators(node.generators)
        value = self.value(node.elt)
        return Thing(value.kind, many=True) if isinstance(value, Thing) else UNKNOWN

    _generatorexp = _setcomp = _listcomp

    def _dictcomp(self, node: ast.DictComp) -> Any:
        self._generators(node.generators)
        self.value(node.key)
        self.value(node.value)
        return UNKNOWN

    def _generators(self, generators: Iterable[ast.comprehension]) -> None:
        for generator in generators:
            self.bind(generator.target, _element(self.value(generator.iter)))
            for condition in generator.ifs:
                self.value(condition)


def _element(value: Any) -> Any:
    """One of several."""
    if isinstance(value, Thing):
        return Thing(value.kind) if value.many else UNKNOWN
    words = isinstance(value, tuple) and value and all(isinstance(word, str) for word in value)
    return Words(value) if words else UNKNOWN


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _is_property(function: ast.FunctionDef) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "property" for one in function.decorator_list)

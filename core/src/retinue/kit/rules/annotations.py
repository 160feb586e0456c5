"""Whether the annotation of a hook function fits the hook's, compared as text."""

from __future__ import annotations

import ast

_ANYTHING = {"Any", "object"}
_WIDER = {
    "Sequence": {"Sequence", "Collection", "Iterable", "Reversible"},
    "Mapping": {"Mapping", "Collection", "Iterable"},
    "Iterable": {"Iterable"},
}
"""What a function may ask for where it gets this."""

_NARROWER = {
    "Sequence": {"Sequence", "list", "List", "tuple", "Tuple"},
    "Iterable": {"Iterable", "Sequence", "Collection", "list", "List", "tuple", "Tuple", "set", "frozenset"},
    "Mapping": {"Mapping", "dict", "Dict"},
}
"""What a function may return where this is wanted."""


def fits(given: ast.expr, wanted: ast.expr, *, answer: bool = False) -> bool:
    """Return whether `given` will do where the hook says `wanted`; `answer` for what is returned."""
    given, wanted = _parsed(given), _parsed(wanted)
    name, hook_name = _last(given), _last(wanted)
    if _ANYTHING & {name, hook_name} or name.startswith("TypeVar"):
        return not (answer and hook_name == "None" and name != "Any")
    allowed = (_NARROWER if answer else _WIDER).get(hook_name, {hook_name})
    if name not in allowed:
        return False
    inner, hook_inner = _inner(given), _inner(wanted)
    if not inner or not hook_inner:
        return True
    return all(fits(mine, theirs, answer=answer) for mine, theirs in zip(inner, hook_inner, strict=False))


def _parsed(node: ast.expr) -> ast.expr:
    """Return an annotation in quotes as the expression it stands for."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return ast.parse(node.value, mode="eval").body
        except SyntaxError:
            return node
    return node


def _last(node: ast.expr) -> str:
    """Return the last name of an annotation: ``Sequence`` of ``collections.abc.Sequence[X]``."""
    if isinstance(node, ast.Subscript):
        return _last(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr
    return "None" if isinstance(node, ast.Constant) and node.value is None else ast.unparse(node)


def _inner(node: ast.expr) -> list[ast.expr]:
    if not isinstance(node, ast.Subscript):
        return []
    items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return [item for item in items if not (isinstance(item, ast.Constant) and item.value is ...)]

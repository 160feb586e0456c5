"""For mypy: a function marked with `hookimpl` is compared with the hook of its name, argument by argument.

A plugin's `pyproject.toml` turns it on::

    [tool.mypy]
    strict = true
    plugins = ["retinue.kit.mypy_plugin"]

An argument may be left out, and may be wider than the hook's (``Sequence[object]`` for ``Sequence[Contact]``), never
narrower; what is returned may be narrower. Hooks that installed plugins publish are compared like core's, without an
import of the plugin that publishes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from mypy.checker import TypeChecker
from mypy.errorcodes import ARG_TYPE
from mypy.nodes import Decorator, Import, ImportAll, ImportFrom, MypyFile
from mypy.plugin import FunctionContext, MethodContext, Plugin
from mypy.subtypes import is_subtype
from mypy.types import AnyType, CallableType, Type, get_proper_type

from retinue.plugins.discovery import discover, locate

_BARE = "retinue.plugins.contract.hookimpl"
_CALLED = "retinue.plugins.contract.Marker.__call__"
_SPECS = "retinue.plugins.hookspecs"


class HookPlugin(Plugin):
    """Looks at what `hookimpl` is put above."""

    def get_additional_deps(self, file: MypyFile) -> list[tuple[int, str, int]]:
        """Let mypy read the page of hooks before whoever answers one."""
        ours = file.fullname.split(".")[0] == "retinue"
        if ours or not any("retinue" in str(names) for names in _imports(file)):
            return []
        return [(10, page, -1) for page in _pages() if page != file.fullname]

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        """Return the check of ``@hookimpl``."""
        return _check if fullname == _BARE else None

    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        """Return the check of ``@hookimpl(before=…)``."""
        return _check if fullname == _CALLED else None


@cache
def _pages() -> tuple[str, ...]:
    """Return the modules in which core and the installed plugins publish their hooks; none of them is run."""
    published = {found.manifest.publishes for found in discover().values()}
    return (_SPECS, *sorted(page for page in published if page and locate(page) is not None))


def _imports(file: MypyFile) -> Iterator[list[str]]:
    for statement in file.imports:
        if isinstance(statement, ImportFrom | ImportAll):
            yield [statement.id]
        elif isinstance(statement, Import):
            yield [name for name, _ in statement.ids]


def _check(context: FunctionContext | MethodContext) -> Type:
    given = context.arg_types[0][0] if context.arg_types and context.arg_types[0] else None
    function = get_proper_type(given) if given is not None else None
    if isinstance(function, CallableType) and isinstance(context.api, TypeChecker):
        name = (function.name or "").split(" ")[0]
        spec = _spec(context.api, name)
        if spec is not None:
            for sentence in _mistakes(name, function, spec):
                context.api.fail(sentence, context.context, code=ARG_TYPE)
    return context.default_return_type


def _spec(checker: TypeChecker, name: str) -> CallableType | None:
    """Return the type of the hook of this name, None if nobody publishes one."""
    modules = (checker.modules.get(page) for page in _pages())
    symbols = (module.names.get(name) for module in modules if module is not None)
    node = next((symbol.node for symbol in symbols if symbol is not None), None)
    found = node.func.type if isinstance(node, Decorator) else None
    proper = get_proper_type(found) if found is not None else None
    return proper if isinstance(proper, CallableType) else None


def _mistakes(name: str, function: CallableType, spec: CallableType) -> Iterator[str]:
    offered = dict(zip(spec.arg_names, spec.arg_types, strict=True))
    for argument, wanted in zip(function.arg_names, function.arg_types, strict=True):
        if argument not in offered:
            yield f'Hook "{name}" has no argument "{argument}"; it offers {", ".join(map(str, offered))}'
        elif not _fits(offered[argument], wanted):
            yield f'Argument "{argument}" of hook "{name}" is {offered[argument]}, not {wanted}'
    if not _fits(function.ret_type, spec.ret_type):
        yield f'Hook "{name}" returns {spec.ret_type}, not {function.ret_type}'


def _fits(narrow: Type, wide: Type) -> bool:
    proper = get_proper_type(wide)
    return isinstance(proper, AnyType) or is_subtype(narrow, wide)


def plugin(_version: str) -> type[Plugin]:
    """Return the class that mypy asks for."""
    return HookPlugin

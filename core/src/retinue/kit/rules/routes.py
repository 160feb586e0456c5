"""Routes: each names its permission, and the service asks for it once more."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from retinue.kit.findings import Hit, rule
from retinue.kit.names import FunctionNode, Source, keyword
from retinue.kit.source import Project

_VERBS = ("get", "post", "put", "patch", "delete", "route")
_OURS = {f"retinue.web.{verb}" for verb in _VERBS}
_BARE = {f"litestar.{verb}" for verb in (*_VERBS, "head", "websocket", "asgi")} | {
    f"litestar.handlers.{verb}" for verb in (*_VERBS, "head", "websocket", "asgi")
}
_ASKING = {"require", "require_any", "may", "allows"}


def handlers(project: Project) -> Iterator[tuple[Source, FunctionNode, ast.Call, str]]:
    """Yield (file, function, decorator, its dotted name) of every route handler."""
    for source in project.sources:
        for function in source.functions():
            for decorator in function.decorator_list:
                if isinstance(decorator, ast.Call):
                    yield source, function, decorator, source.dotted(decorator.func)


@rule("SEC006", "bronze", "Every route names its permission.")
def route_without_permission(project: Project) -> Iterator[Hit]:
    """A route that says nothing would be open to everybody who finds it."""
    for source, function, decorator, name in handlers(project):
        if name in _BARE:
            detail = (
                f"{function.name} is a bare handler: no permission, no transaction, no problem documents."
            )
            yield Hit(source.name, decorator.lineno, detail, "Use the decorators of retinue.web.")
        elif name in _OURS:
            given = keyword(decorator, "permission")
            if given is None or (isinstance(given, ast.Constant) and not given.value):
                detail = f"{function.name} names no permission."
                remedy = 'Say permission="noun.verb", or retinue.web.PUBLIC where all the world may call it.'
                yield Hit(source.name, decorator.lineno, detail, remedy)


@rule("SEC007", "silver", "What a route calls asks for the permission once more.")
def unasked_service(project: Project) -> Iterator[Hit]:
    """Routes are not the only callers: commands and jobs come by the same service."""
    for source, function, decorator, name in handlers(project):
        given = keyword(decorator, "permission")
        if name not in _OURS or (
            given and source.dotted(given) in ("retinue.web.PUBLIC", "retinue.web.SIGNED_IN")
        ):
            continue
        reached = list(project.reached(source, function))
        deeds = any(".service." in called and called in project.defined for _, _, called in reached)
        if deeds and not any(getattr(call.func, "attr", "") in _ASKING for _, call, _ in reached):
            detail = f"nothing that {function.name} calls asks for a permission."
            yield Hit(
                source.name, function.lineno, detail, 'Begin the service with store.require("noun.verb").'
            )

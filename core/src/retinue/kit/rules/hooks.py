"""Functions that answer hooks: right names, right arguments, marked, and quick."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from retinue.errors import NotFound
from retinue.kit.findings import Hit, rule
from retinue.kit.names import FunctionNode, Source, keyword, text_of
from retinue.kit.rules.annotations import fits
from retinue.kit.source import Project, find_project
from retinue.plugins import core_specs, hookspecs
from retinue.plugins.faults import did_you_mean

_MARKERS = ("retinue.hookimpl", "retinue.plugins.hookimpl")
_SPEC_MARKERS = ("retinue.hook", "retinue.plugins.hook")
_PRIORITIES = ("tryfirst", "trylast", "wrapper", "hookwrapper", "specname")
_SLOW = (
    "time.sleep", "os.system", "os.popen", "subprocess.", "socket.", "requests.", "urllib.request.", "httpx.",
    "urllib3.", "aiohttp.", "http.client.", "smtplib.", "imaplib.", "ftplib.", "retinue.web.shared",
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """A function that is marked, or named like a hook at the top of the plugin's module."""

    source: Source
    function: FunctionNode
    marker: ast.expr | None

    def hit(self, detail: str, remedy: str, node: ast.AST | None = None) -> Hit:
        """Return a hit at the function, or at a node of it."""
        return Hit(self.source.name, getattr(node or self.function, "lineno", 1), detail, remedy)


@dataclass(frozen=True)
class KnownHook:
    """What a function that answers a hook has to fit."""

    arguments: Mapping[str, ast.expr | None]
    returns: ast.expr | None
    publisher: str

    @property
    def tells(self) -> bool:
        """Say whether it takes no answers."""
        return isinstance(self.returns, ast.Constant) and self.returns.value is None


def answers(project: Project) -> Iterator[Answer]:
    """Yield every marked function of the plugin, and those of its own module that are not."""
    for source in project.sources:
        for function in source.functions():
            marker = next((d for d in function.decorator_list if _name(source, d) in _MARKERS), None)
            if marker is not None or (source is project.entry and not function.decorator_list):
                yield Answer(source, function, marker)


def _name(source: Source, decorator: ast.expr) -> str:
    return source.dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)


def _known(function: FunctionNode, publisher: str) -> KnownHook:
    arguments = {item.arg: item.annotation for item in function.args.args}
    return KnownHook(arguments, function.returns, publisher)


@functools.cache
def _core_hooks() -> dict[str, KnownHook]:
    found = {}
    for name, spec in core_specs().items():
        function = ast.parse(f"def {spec.signature}: ...").body[0]
        assert isinstance(function, ast.FunctionDef)
        found[name] = _known(function, "retinue")
    return found


def published(project: Project) -> dict[str, KnownHook]:
    """Return the hooks that a plugin publishes, read from its file."""
    where = project.manifest.publishes if project.manifest else ""
    source = project.module(where) if where else None
    if source is None:
        return {}
    return {
        function.name: _known(function, project.name)
        for function in source.functions()
        if any(_name(source, decorator) in _SPEC_MARKERS for decorator in function.decorator_list)
    }


def known_hooks(project: Project) -> dict[str, KnownHook]:
    """Return every hook a plugin may answer: core's, its own, and those of installed plugins."""
    found = published(project)
    for name in project.neighbours:
        found |= _installed_hooks(name)
    return found | _core_hooks()


@functools.cache
def _installed_hooks(name: str) -> dict[str, KnownHook]:
    try:
        return published(find_project(name))
    except NotFound:
        return {}


def _absent(project: Project, answer: Answer) -> bool:
    """Say whether the hook may well be one of a plugin that is not installed here."""
    if isinstance(answer.marker, ast.Call) and keyword(answer.marker, "of") is not None:
        return True
    return bool(project.manifest and set(project.manifest.requires) - set(project.neighbours))


@rule("HOOK001", "bronze", "Every marked function answers a hook that exists.")
def unknown_hook(project: Project) -> Iterator[Hit]:
    """A misspelt hook is a function that nobody calls."""
    known = known_hooks(project)
    for answer in answers(project):
        name = answer.function.name
        if answer.marker is None or name in known or name in hookspecs.REMOVED or _absent(project, answer):
            continue
        remedy = did_you_mean(name, known, "If another plugin publishes it, mark it with of=….")
        yield answer.hit(f"there is no hook {name}.", remedy)


@rule("HOOK002", "bronze", "A hook is answered with arguments it offers.")
def wrong_argument(project: Project) -> Iterator[Hit]:
    """A wrong argument would fail when the hook is called."""
    known = known_hooks(project)
    for answer in answers(project):
        hook = known.get(answer.function.name)
        if answer.marker is None or hook is None:
            continue
        arguments = answer.function.args
        for item in [arguments.vararg, arguments.kwarg, *arguments.kwonlyargs]:
            if item is not None:
                detail = f"the argument {item.arg} must be a plain one: no *, no ** and none after *."
                yield answer.hit(detail, "Take only the arguments you need, by name.", item)
        for item in [*arguments.posonlyargs, *arguments.args]:
            if item.arg not in hook.arguments:
                offered = f"It offers {', '.join(hook.arguments) or 'none'}."
                detail = f"{answer.function.name} has no argument {item.arg}."
                yield answer.hit(detail, did_you_mean(item.arg, hook.arguments, offered), item)


@rule("HOOK003", "bronze", "No hook is answered that core has removed.")
def removed_hook(project: Project) -> Iterator[Hit]:
    """A removed hook is never called again."""
    for answer in answers(project):
        gone = hookspecs.REMOVED.get(answer.function.name)
        if gone is not None:
            yield answer.hit(f"{answer.function.name} was removed in {gone.since}.", f"Use {gone.use}.")


@rule("HOOK004", "bronze", "A function named like a hook carries the marker.")
def unmarked_hook(project: Project) -> Iterator[Hit]:
    """Without the marker nobody would call it."""
    known = known_hooks(project)
    for answer in answers(project):
        if answer.marker is None and answer.function.name in known:
            detail = (
                f"{answer.function.name} is named like a hook and is not marked, so nobody would call it."
            )
            yield answer.hit(detail, "Put @hookimpl above it, or rename it.")


@rule("HOOK005", "bronze", "Hooks are answered by plain functions.")
def asynchronous_hook(project: Project) -> Iterator[Hit]:
    """Core calls hooks synchronously: a coroutine would never be awaited, a generator never run."""
    known = known_hooks(project)
    for answer in answers(project):
        if answer.marker is None or answer.function.name not in known:
            continue
        if isinstance(answer.function, ast.AsyncFunctionDef):
            detail = f"{answer.function.name} is a synchronous hook and cannot be answered by async def."
            yield answer.hit(detail, "Write def, and hand slow work to a job.")
        elif known[answer.function.name].tells and _steps(answer.function):
            detail = f"{answer.function.name} takes no answers, so the body of a generator would never run."
            yield answer.hit(detail, "Take yield out of it.")


def _steps(function: FunctionNode) -> bool:
    """Say whether a function is a generator; a function inside it does not make it one."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return False


@rule("HOOK006", "bronze", "Order is asked for by the names of plugins.")
def priority(project: Project) -> Iterator[Hit]:
    """The library's priorities and wrappers would let one plugin hide what another did."""
    for source in project.sources:
        for function in source.functions():
            for decorator in function.decorator_list:
                words = {k.arg for k in decorator.keywords} if isinstance(decorator, ast.Call) else set()
                used = [word for word in _PRIORITIES if word in words]
                if used:
                    detail = f"{', '.join(used)} is not offered."
                    remedy = "Order with @hookimpl(before=…, after=…)."
                    yield Hit(source.name, decorator.lineno, detail, remedy)


@rule("HOOK007", "bronze", "plugin.toml lists exactly the hooks that are answered.")
def unlisted_hook(project: Project) -> Iterator[Hit]:
    """An administrator sees beforehand what a plugin listens to."""
    if project.manifest is None:
        return
    entry = project.entry
    known = {name for name in known_hooks(project) if not name.startswith("register_")}
    here = {a.function.name: a for a in answers(project) if a.marker is not None and a.source is entry}
    imported = set(entry.aliases) if entry else set()
    for name in project.manifest.hooks:
        if name not in here and name not in imported:
            line = project.manifest_line(name)
            yield Hit(project.manifest_name, line, f"it lists {name}, no function answers it.", "Remove it.")
    for name in sorted(set(here) & known - set(project.manifest.hooks)):
        detail = f"{name} is answered, plugin.toml does not list it in hooks."
        yield here[name].hit(detail, "Add it to hooks.")


@rule("HOOK008", "bronze", "A published hook is no hook of core.")
def published_hook(project: Project) -> Iterator[Hit]:
    """Two hooks of one name cannot be told apart."""
    source = project.module(project.manifest.publishes) if project.manifest else None
    for function in source.functions() if source else ():
        if function.name in published(project) and function.name in _core_hooks():
            yield Hit(
                source.name if source else "", function.lineno,
                f"it publishes {function.name}, which core has.", "Give it a name of your own.",
            )  # fmt: skip


@rule("HOOK020", "bronze", "Annotations of a hook function fit the hook.")
def wrong_annotation(project: Project) -> Iterator[Hit]:
    """A wrong type is believed by the editor and the type checker, and fails in production."""
    known = known_hooks(project)
    for answer in answers(project):
        hook = known.get(answer.function.name)
        if answer.marker is None or hook is None:
            continue
        for item in answer.function.args.args:
            wanted = hook.arguments.get(item.arg)
            if item.annotation and wanted and not fits(item.annotation, wanted):
                detail = f"{item.arg} is {ast.unparse(wanted)}, not {_shown(item.annotation)}."
                yield answer.hit(detail, "Correct the annotation.", item)
        returns = answer.function.returns
        if returns and hook.returns and not fits(returns, hook.returns, answer=True):
            detail = f"{answer.function.name} returns {ast.unparse(hook.returns)}, not {_shown(returns)}."
            yield answer.hit(detail, "Correct the annotation.", returns)


def _shown(annotation: ast.expr) -> str:
    return text_of(annotation) or ast.unparse(annotation)


@rule("HOOK021", "bronze", "Nothing slow happens in a hook.")
def slow_hook(project: Project) -> Iterator[Hit]:
    """A hook runs inside somebody's transaction: whoever waits there lets everybody wait."""
    known = known_hooks(project)
    seen: set[tuple[str, int]] = set()
    for answer in answers(project):
        if answer.marker is None or answer.function.name not in known:
            continue
        for source, call, name in project.reached(answer.source, answer.function):
            slow = any(name == word or (word.endswith(".") and name.startswith(word)) for word in _SLOW)
            if slow and (source.name, call.lineno) not in seen:
                seen.add((source.name, call.lineno))
                detail = f"{name} is called from the hook {answer.function.name}."
                remedy = 'Hand it to a job: store.later("plugin.verb_noun", {"ids": […]}).'
                yield Hit(source.name, call.lineno, detail, remedy)

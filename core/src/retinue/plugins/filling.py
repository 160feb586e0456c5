"""Rows of files, handed to the plugin they are for: by its own code, with its own grants, in its own savepoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

from retinue.actor import as_plugin
from retinue.errors import Conflict, NotFound, RetinueError
from retinue.plugins import boundary
from retinue.plugins.contributions import ImportTarget
from retinue.plugins.faults import HookFailed

if TYPE_CHECKING:
    from retinue.plugins.pluginset import Owned, PluginSet
    from retinue.storage import Store

OUTCOMES: Final = ("created", "updated", "unchanged")
R = TypeVar("R")


def targets(declared: Iterable[Owned[ImportTarget]], store: Store) -> tuple[Owned[ImportTarget], ...]:
    """Return the targets that the actor may fill; whether the plugin that asks may do so is another matter."""
    found = []
    for owned in declared:
        with _acting(store, owned):
            if boundary.is_open(owned.item, store.may):
                found.append(owned)
    return tuple(found)


def fill(plugins: PluginSet, store: Store, name: str, rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Hand rows to a target and return what became of each; all of them are written, or none."""
    owned = _named(plugins, store, name)

    def work() -> list[str]:
        answers = list(plugins.resolve(owned.plugin, owned.item.run)(store, rows))
        if len(answers) != len(rows) or not set(answers) <= set(OUTCOMES):
            raise TypeError(f"it must answer for each row one of {', '.join(OUTCOMES)}")
        return answers

    return _done(plugins, store, owned, work)


def undo(plugins: PluginSet, store: Store, name: str, change_set_id: UUID) -> None:
    """Have a target undo an import, by its change set."""
    owned = _named(plugins, store, name)
    code = owned.item.undo
    if code is None:
        raise Conflict(
            f"An import of {owned.item.label} is not undone: others depend on its rows.",
            code="import-stays",
            remedy="Correct or close the rows in their own place.",
        )
    _done(plugins, store, owned, lambda: plugins.resolve(owned.plugin, code)(store, change_set_id))


def _named(plugins: PluginSet, store: Store, name: str) -> Owned[ImportTarget]:
    for owned in plugins.import_targets(store):
        if owned.item.name == name:
            return owned
    raise NotFound(f"there is nothing called {name} that a file can be imported into")


def _done(plugins: PluginSet, store: Store, owned: Owned[ImportTarget], work: Callable[[], R]) -> R:
    """Do `work` as the target's plugin; a refusal passes, any other error is that plugin's failure."""
    version = plugins.loaded[owned.plugin].manifest.version
    with _acting(store, owned):
        try:
            with store.savepoint():
                return work()
        except RetinueError as error:
            if error.status < 500:
                raise
            raise _failed(plugins, owned, version, error) from error
        except Exception as error:  # a stranger's function may raise anything
            raise _failed(plugins, owned, version, error) from error


def _failed(plugins: PluginSet, owned: Owned[ImportTarget], version: str, error: Exception) -> HookFailed:
    plugins.watch.note(owned.plugin, version, owned.item.name, error)
    return HookFailed(owned.plugin, owned.item.name, error)


@contextmanager
def _acting(store: Store, owned: Owned[Any]) -> Iterator[None]:
    before = store.plugin, store.hook
    store.plugin, store.hook = owned.plugin, owned.item.name
    try:
        with as_plugin(owned.plugin):
            yield
    finally:
        store.plugin, store.hook = before

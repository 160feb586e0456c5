"""How core and plugins call hooks: one typed method for each, next to nothing where nobody answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from uuid import UUID

from retinue.errors import Misconfigured, Problem
from retinue.plugins.answers import ContactExport, FieldChange, Promise, Refusal

if TYPE_CHECKING:  # the nouns live in rooms above; only the type checker and the reader need them here
    from retinue.access.models import Account
    from retinue.access.resets import PasswordReset
    from retinue.contacts.models import Contact
    from retinue.interactions.models import Interaction
    from retinue.storage import Store

P = ParamSpec("P")
T = TypeVar("T")


class Hooks:
    """The hooks of one plugin set. Services call it as ``store.hooks``; routes never do.

    An *ask* gives the joined answers of all plugins, in the order of the hook; a *tell* gives nothing.
    """

    __slots__ = ("_calls", "_modes", "order_id")

    def __init__(
        self,
        calls: Mapping[str, Callable[..., Any]] | None = None,
        modes: Mapping[str, str] | None = None,
        *,
        order_id: str = "",
    ) -> None:
        self._calls, self._modes, self.order_id = dict(calls or {}), dict(modes or {}), order_id

    def answered(self, name: str) -> bool:
        """Say whether anybody answers the hook: worth asking before preparing costly arguments."""
        return name in self._calls

    # --- hooks that plugins publish ---

    def ask(self, spec: Callable[P, Sequence[T]], *args: P.args, **kwargs: P.kwargs) -> list[T]:
        """Ask a hook that a plugin publishes, by its specification; returns the joined answers."""
        return self._any(spec, "ask", args, kwargs) or []

    def tell(self, spec: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Tell a hook that a plugin publishes, by its specification."""
        self._any(spec, "tell", args, kwargs)

    def _any(self, spec: Any, mode: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = spec.__name__
        if self._modes.get(name) != mode:
            known = self._modes.get(name, "not among the hooks of this plugin set")
            raise Misconfigured(f"hook {name} cannot be called by {mode}: it is {known}")
        if (call := self._calls.get(name)) is None:
            return None
        names = spec.__code__.co_varnames
        return call(**dict(zip(names, args, strict=False)), **kwargs)

    # --- ask ---

    def contact_errors(self, store: Store, contacts: Sequence[Mapping[str, Any]]) -> list[Problem]:
        """Ask what is wrong with contacts before they are written."""
        call = self._calls.get("contact_errors")
        return call(store=store, contacts=contacts) if call else []

    def interaction_errors(self, store: Store, interactions: Sequence[Mapping[str, Any]]) -> list[Problem]:
        """Ask what is wrong with interactions before they are recorded."""
        call = self._calls.get("interaction_errors")
        return call(store=store, interactions=interactions) if call else []

    def contact_refusals(self, store: Store, contact_ids: Sequence[UUID], purpose: str) -> list[Refusal]:
        """Ask which contacts may not be used for `purpose`."""
        call = self._calls.get("contact_refusals")
        return call(store=store, contact_ids=contact_ids, purpose=purpose) if call else []

    def erasure_refusals(self, store: Store, contact_ids: Sequence[UUID]) -> list[Refusal]:
        """Ask which contacts must not be erased yet."""
        call = self._calls.get("erasure_refusals")
        return call(store=store, contact_ids=contact_ids) if call else []

    def contact_exports(self, store: Store, contact_ids: Sequence[UUID]) -> list[ContactExport]:
        """Ask what plugins hold about these contacts."""
        call = self._calls.get("contact_exports")
        return call(store=store, contact_ids=contact_ids) if call else []

    def contact_promises(self, store: Store, contact_ids: Sequence[UUID]) -> list[Promise]:
        """Ask what is still owed to these contacts."""
        call = self._calls.get("contact_promises")
        return call(store=store, contact_ids=contact_ids) if call else []

    # --- tell ---

    def contacts_created(self, store: Store, contacts: Sequence[Contact]) -> None:
        """Tell that contacts were created."""
        if call := self._calls.get("contacts_created"):
            call(store=store, contacts=contacts)

    def contacts_changed(
        self, store: Store, contacts: Sequence[Contact], changes: Sequence[FieldChange]
    ) -> None:
        """Tell that contacts were changed, and which fields."""
        if call := self._calls.get("contacts_changed"):
            call(store=store, contacts=contacts, changes=changes)

    def contacts_removed(self, store: Store, contacts: Sequence[Contact]) -> None:
        """Tell that contacts were put in the bin."""
        if call := self._calls.get("contacts_removed"):
            call(store=store, contacts=contacts)

    def contacts_merged(self, store: Store, survivor: Contact, merged: Sequence[Contact]) -> None:
        """Tell that contacts were merged into `survivor`."""
        if call := self._calls.get("contacts_merged"):
            call(store=store, survivor=survivor, merged=merged)

    def contacts_erased(self, store: Store, contact_ids: Sequence[UUID]) -> None:
        """Tell that persons are being erased."""
        if call := self._calls.get("contacts_erased"):
            call(store=store, contact_ids=contact_ids)

    def interactions_recorded(self, store: Store, interactions: Sequence[Interaction]) -> None:
        """Tell that interactions were recorded."""
        if call := self._calls.get("interactions_recorded"):
            call(store=store, interactions=interactions)

    def accounts_deactivated(self, store: Store, accounts: Sequence[Account]) -> None:
        """Tell that people of the staff were deactivated."""
        if call := self._calls.get("accounts_deactivated"):
            call(store=store, accounts=accounts)

    def password_resets_asked(self, store: Store, resets: Sequence[PasswordReset]) -> None:
        """Tell that people asked for links that set a new password."""
        if call := self._calls.get("password_resets_asked"):
            call(store=store, resets=resets)

    def change_sets_reverted(self, store: Store, change_set_ids: Sequence[UUID]) -> None:
        """Tell that change sets were undone."""
        if call := self._calls.get("change_sets_reverted"):
            call(store=store, change_set_ids=change_set_ids)

    def events_announced(self, store: Store, event: str, items: Sequence[Mapping[str, Any]]) -> None:
        """Tell that a declared event happened; the items carry ids."""
        if call := self._calls.get("events_announced"):
            call(store=store, event=event, items=items)


NO_HOOKS = Hooks()
"""Nobody answers: for tests of single rooms."""

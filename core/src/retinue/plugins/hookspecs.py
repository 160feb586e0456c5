"""Every hook of core, on one page.

Three modes. *Declare*: asked once when the plugin is loaded, without a store; a failure sets it aside. *Ask*:
read only, core joins the answers; for decisions the strictest answer wins. *Tell*: in the same transaction,
each plugin in a SAVEPOINT of its own; nothing slow and nothing outside the database: hand that to a job with
``store.later``.

On failure, *abort* undoes the whole deed, *isolate* undoes what the failing plugin wrote, records the failure
and goes on. Hooks get collections, never one row. A plugin takes the arguments it needs, in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from retinue.errors import Problem
from retinue.plugins.answers import ContactExport, FieldChange, Promise, Refusal
from retinue.plugins.contract import Removed, hook
from retinue.plugins.contributions import (
    Command,
    Facet,
    ImportTarget,
    InteractionKind,
    Job,
    ListColumn,
    MergeField,
    Permission,
    Route,
    Schedule,
    Setting,
    WebhookEvent,
)
from retinue.ui import NavigationItem, Page, PaletteItem, Panel, Site, Widget

if TYPE_CHECKING:  # the nouns live in rooms above; only the type checker and the reader need them here
    from retinue.access.models import Account
    from retinue.access.resets import PasswordReset
    from retinue.contacts.models import Contact
    from retinue.interactions.models import Interaction
    from retinue.storage import Store

API_VERSION = 1
"""The version of this page that plugins name in `plugin.toml`; it grows when a hook changes its meaning."""

OLDEST_API_VERSION = 1
"""The oldest version whose plugins load without a look; older ones load if nothing they use has changed since."""

REMOVED: dict[str, Removed] = {}
"""Hooks that are no more, with their replacement; an implementation of one is refused at enable."""


# --- Declare ---


@hook(mode="declare", phase="start", on_failure="abort", since="0.1")
def register_permissions() -> Sequence[Permission]:
    """Name the deeds of the plugin that roles can grant."""
    raise NotImplementedError


@hook(mode="declare", phase="start", on_failure="abort", since="0.1")
def register_settings() -> Sequence[Setting]:
    """Name the values an administrator can set for the plugin."""
    raise NotImplementedError


@hook(mode="declare", phase="start", on_failure="abort", since="0.1")
def register_jobs() -> Sequence[Job]:
    """Name the work that the plugin does after commit, and the function that does it."""
    raise NotImplementedError


@hook(mode="declare", phase="start", on_failure="abort", since="0.1")
def register_schedules() -> Sequence[Schedule]:
    """Say which jobs run by the clock, and when."""
    raise NotImplementedError


@hook(mode="declare", phase="start", on_failure="abort", since="0.1")
def register_routes() -> Sequence[Route]:
    """Give the HTTP handlers of the plugin and the path below which they stand."""
    raise NotImplementedError


@hook(mode="declare", phase="start", on_failure="abort", since="0.1")
def register_commands() -> Sequence[Command]:
    """Give the subcommands that the plugin adds to the command line."""
    raise NotImplementedError


@hook(mode="declare", phase="start", on_failure="abort", since="0.1")
def register_fields() -> Sequence[Facet]:
    """Give the tables with one row per contact whose fields become fields of the contact."""
    raise NotImplementedError


@hook(mode="declare", phase="start", on_failure="abort", since="0.1")
def register_interaction_kinds() -> Sequence[InteractionKind]:
    """Name the kinds of interaction that the plugin records."""
    raise NotImplementedError


@hook(mode="declare", phase="start", on_failure="abort", since="0.1")
def register_webhook_events() -> Sequence[WebhookEvent]:
    """Name the events of the plugin that other systems can subscribe to."""
    raise NotImplementedError


@hook(mode="declare", phase="start", on_failure="abort", since="0.1")
def register_import_targets() -> Sequence[ImportTarget]:
    """Name the rows of the plugin that a file can be imported into."""
    raise NotImplementedError


@hook(mode="declare", phase="start", on_failure="abort", since="0.1")
def register_list_columns() -> Sequence[ListColumn]:
    """Give the columns of contact lists that the plugin works out a page at a time."""
    raise NotImplementedError


@hook(mode="declare", phase="start", on_failure="abort", since="0.1")
def register_merge_fields() -> Sequence[MergeField]:
    """Name the words of letters that stand for something the plugin knows of the reader."""
    raise NotImplementedError


@hook(mode="declare", phase="start", on_failure="abort", since="0.1")
def register_sites() -> Sequence[Site]:
    """Give HTTP handlers that stand outside the API: a front of its own, such as the desk."""
    raise NotImplementedError


@hook(mode="declare", phase="start", on_failure="abort", since="0.1")
def register_pages() -> Sequence[Page]:
    """Give the pages that the plugin adds to the staff's web pages."""
    raise NotImplementedError


@hook(mode="declare", phase="start", on_failure="abort", since="0.1")
def register_panels() -> Sequence[Panel]:
    """Give the cards that the plugin shows on a contact's page."""
    raise NotImplementedError


@hook(mode="declare", phase="start", on_failure="abort", since="0.1")
def register_widgets() -> Sequence[Widget]:
    """Give the cards that the plugin shows on the home page."""
    raise NotImplementedError


@hook(mode="declare", phase="start", on_failure="abort", since="0.1")
def register_navigation_items() -> Sequence[NavigationItem]:
    """Give the lines that the plugin adds to the navigation."""
    raise NotImplementedError


@hook(mode="declare", phase="start", on_failure="abort", since="0.1")
def register_palette_items() -> Sequence[PaletteItem]:
    """Give the commands that the plugin adds to the command palette, with their shortcuts."""
    raise NotImplementedError


# --- Ask ---


@hook(mode="ask", phase="validate", on_failure="isolate", since="0.1")
def contact_errors(store: Store, contacts: Sequence[Mapping[str, Any]]) -> Sequence[Problem]:
    """Complain about contacts before they are written; pointers begin with the place: ``/0/name``."""
    raise NotImplementedError


@hook(mode="ask", phase="validate", on_failure="isolate", since="0.1")
def interaction_errors(store: Store, interactions: Sequence[Mapping[str, Any]]) -> Sequence[Problem]:
    """Complain about interactions before they are recorded; pointers begin with the place in the list."""
    raise NotImplementedError


@hook(mode="ask", phase="read", on_failure="abort", since="0.1")
def contact_refusals(store: Store, contact_ids: Sequence[UUID], purpose: str) -> Sequence[Refusal]:
    """Name the contacts that may not be used for `purpose` (``email.marketing``); silence means they may."""
    raise NotImplementedError


@hook(mode="ask", phase="read", on_failure="abort", since="0.1")
def erasure_refusals(store: Store, contact_ids: Sequence[UUID]) -> Sequence[Refusal]:
    """Name the contacts that must not be erased yet, with the reason in law or contract."""
    raise NotImplementedError


@hook(mode="ask", phase="read", on_failure="abort", since="0.1")
def contact_exports(store: Store, contact_ids: Sequence[UUID]) -> Sequence[ContactExport]:
    """Give what the plugin holds about these contacts, for the copy a person may demand."""
    raise NotImplementedError


@hook(mode="ask", phase="read", on_failure="isolate", since="0.1")
def contact_promises(store: Store, contact_ids: Sequence[UUID]) -> Sequence[Promise]:
    """Name what is still owed to these contacts: open tasks, calls that were promised."""
    raise NotImplementedError


# --- Tell ---


@hook(mode="tell", phase="in_transaction", on_failure="isolate", since="0.1")
def contacts_created(store: Store, contacts: Sequence[Contact]) -> None:
    """Contacts were created, by hand, API or import; they have their ids and are written."""


@hook(mode="tell", phase="in_transaction", on_failure="isolate", since="0.1")
def contacts_changed(store: Store, contacts: Sequence[Contact], changes: Sequence[FieldChange]) -> None:
    """Contacts were changed; `changes` holds each changed field with its value before and after."""


@hook(mode="tell", phase="in_transaction", on_failure="isolate", since="0.1")
def contacts_removed(store: Store, contacts: Sequence[Contact]) -> None:
    """Contacts were put in the bin; they can be brought back and keep their rows."""


@hook(mode="tell", phase="in_transaction", on_failure="abort", since="0.1")
def contacts_merged(store: Store, survivor: Contact, merged: Sequence[Contact]) -> None:
    """Contacts were merged into one: move what points at `merged` to `survivor`; undo is a revert."""


@hook(mode="tell", phase="in_transaction", on_failure="abort", since="0.1")
def contacts_erased(store: Store, contact_ids: Sequence[UUID]) -> None:
    """Persons are being erased: remove or blank what the plugin holds about them; a leftover undoes it."""


@hook(mode="tell", phase="in_transaction", on_failure="isolate", since="0.1")
def interactions_recorded(store: Store, interactions: Sequence[Interaction]) -> None:
    """Interactions were added to timelines, corrections and withdrawals among them."""


@hook(mode="tell", phase="in_transaction", on_failure="isolate", since="0.1")
def accounts_deactivated(store: Store, accounts: Sequence[Account]) -> None:
    """People of the staff left or were locked out; their sessions and tokens are already void."""


@hook(mode="tell", phase="in_transaction", on_failure="isolate", since="0.1")
def password_resets_asked(store: Store, resets: Sequence[PasswordReset]) -> None:
    """People asked for a link that sets a new password; deliver each to its account, and keep it nowhere in clear."""


@hook(mode="tell", phase="in_transaction", on_failure="isolate", since="0.1")
def change_sets_reverted(store: Store, change_set_ids: Sequence[UUID]) -> None:
    """Whole change sets (an import, a merge) were undone; recompute what was derived from them."""


@hook(mode="tell", phase="in_transaction", on_failure="isolate", since="0.1")
def events_announced(store: Store, event: str, items: Sequence[Mapping[str, Any]]) -> None:
    """Something happened that other systems may subscribe to: an event that a plugin declared, with ids only."""

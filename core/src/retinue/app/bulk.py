"""One deed for many contacts: those named, or all that a list holds; at once when few, as a job when many.

Each contact is asked for by itself: one that the actor may not change is left out and counted. All of it is one change
set, so that one revert takes it back. A job holds ids only: its contacts stand on a fixed list that is removed at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue.contacts.models import Contact, Tag
from retinue.contacts.service import change_contact, remove_contacts
from retinue.contacts.tagging import ensure_tags, tag_contacts, untag_contacts
from retinue.errors import Denied, Invalid, NotFound, Problem
from retinue.jobs import DONE, BatchJob, JobInfo, RunningJob, show_job
from retinue.lists.models import SavedViewMember
from retinue.lists.queries import ListRequest, select_ids
from retinue.lists.service import create_view, get_view, remove_view, request_of_view
from retinue.lists.tree import from_json
from retinue.storage import among, new_id

if TYPE_CHECKING:
    from retinue.jobs import Jobs
    from retinue.lists.service import Catalogues
    from retinue.storage import Store

JOB: Final = "retinue.change_contacts"
AT_ONCE: Final = 500
"""Up to so many contacts are changed within the request; on SQLite nobody else writes meanwhile."""
_STEP: Final = 200
_NEEDS: Final = {
    "tag": "contact.change",
    "untag": "contact.change",
    "assign": "contact.assign",
    "remove": "contact.remove",
}
ACTIONS: Final = tuple(_NEEDS)


def change_many(store: Store, catalogues: Catalogues, draft: Mapping[str, Any]) -> dict[str, Any]:
    """Do `draft` to its contacts, or start the job that does; returns what was done and the change set.

    Raises Invalid for an action without its value, Denied without the permission of the deed.
    """
    action = draft["action"]
    store.require(_NEEDS[action])
    _check(draft)
    ids = list(dict.fromkeys(draft.get("ids") or ()))
    if not ids:
        wanted = _wanted(store, catalogues, draft)
        ids = [i for part in select_ids(store, catalogues.of(store, "contact"), wanted) for i in part]
    total = len(ids)
    if total > AT_ONCE:
        return _start(store, draft, catalogues, ids)
    store.deed(f"contact.bulk_{action}", "")
    done, skipped = apply_to(store, ids, draft)
    store.deed(f"contact.bulk_{action}", "")
    return {
        "job_id": None,
        "change_set_id": store.change_set_id,
        "total": total,
        "done": done,
        "skipped": skipped,
    }


def _check(draft: Mapping[str, Any]) -> None:
    action, problems = draft["action"], []
    if action in ("tag", "untag") and not (draft.get("tag") or "").strip():
        problems.append(Problem("/tag", "name the tag", "required"))
    if action == "assign" and draft.get("owner_id") is None:
        problems.append(Problem("/owner_id", "name the new owner", "required"))
    if not draft.get("ids") and draft.get("list") is None:
        problems.append(Problem("/ids", "name contacts, or a list", "required"))
    if problems:
        raise Invalid("the deed is not complete", problems=problems)


def _wanted(store: Store, catalogues: Catalogues, draft: Mapping[str, Any]) -> ListRequest:
    """Return the list that is meant: its filter, within a saved view if one is named."""
    chosen = draft["list"]
    request = ListRequest(tree=from_json(chosen.get("filter") or {"and": []}))
    if chosen.get("view"):
        view = get_view(store, chosen["view"])
        request = request_of_view(store, catalogues.of(store, "contact"), view, request)
    return request


def _start(
    store: Store, draft: Mapping[str, Any], catalogues: Catalogues, ids: Sequence[UUID]
) -> dict[str, Any]:
    """Put the contacts on a fixed list of the actor's own and start the job over it, as the actor."""
    store.require("view.create")
    name = f"{draft['action']} · {store.now:%Y-%m-%d %H:%M}"
    fixed = {"name": name, "kind": "fixed", "visibility": "private", "members": ids}
    view, total = create_view(store, catalogues, fixed), len(ids)
    change_set = new_id()
    payload = {
        "view": str(view.id),
        "change_set": str(change_set),
        "action": draft["action"],
        "tag": _tag_id(store, draft.get("tag")),
        "owner": str(draft["owner_id"]) if draft.get("owner_id") else None,
        "total": total,
    }
    job = store.later(JOB, payload, as_actor=True)
    return {"job_id": job, "change_set_id": change_set, "total": total, "done": 0, "skipped": 0}


def _tag_id(store: Store, name: str | None) -> str | None:
    return str(next(iter(ensure_tags(store, [name]).values()))) if name else None


class ChangeContacts(BatchJob):
    """The deed over a fixed list, a part of it in each transaction, in the order of the ids."""

    def step(self, store: Store, payload: dict[str, Any], state: Any, job: RunningJob) -> Any:
        """Change the next contacts; the state is the last id and how many were done and left out."""
        state = state or {"after": None, "done": 0, "skipped": 0, "seen": 0}
        view = UUID(payload["view"])
        if job.stopping:
            return self._end(store, view)
        ids = self._next(store, view, state["after"])
        if not ids:
            return self._end(store, view)
        store.join_deed(UUID(payload["change_set"]), f"contact.bulk_{payload['action']}", "")
        done, skipped = apply_to(store, ids, self._draft(store, payload))
        store.join_deed(UUID(payload["change_set"]), f"contact.bulk_{payload['action']}", "")
        state = {
            "after": str(ids[-1]),
            "done": state["done"] + done,
            "skipped": state["skipped"] + skipped,
            "seen": state["seen"] + len(ids),
        }
        job.progress(state["seen"], payload["total"])
        return state

    def _next(self, store: Store, view: UUID, after: str | None) -> list[UUID]:
        member = SavedViewMember
        chosen = select(member.contact_id).where(member.view_id == view)
        if after is not None:
            chosen = chosen.where(member.contact_id > UUID(after))
        return store.scalars(chosen.order_by(member.contact_id).limit(_STEP))

    def _draft(self, store: Store, payload: dict[str, Any]) -> dict[str, Any]:
        tag = store.get(Tag, UUID(payload["tag"])).name if payload["tag"] else None
        owner = UUID(payload["owner"]) if payload["owner"] else None
        return {"action": payload["action"], "tag": tag, "owner_id": owner}

    def _end(self, store: Store, view: UUID) -> Any:
        remove_view(store, view)
        return DONE


def read_progress(store: Store, job_id: UUID) -> JobInfo:
    """Return a bulk job of the actor's own, or anybody's with ``job.read``; raises NotFound for another's."""
    info = show_job(store.raw_connection(), job_id)
    mine = info.actor is not None and info.actor[1] == store.actor.id
    if info.name != JOB or not (mine or store.may("job.read")):
        raise NotFound(f"there is no such job: {job_id}")
    return info


def stop_own(store: Store, jobs: Jobs, job_id: UUID) -> JobInfo:
    """Stop a bulk job of the actor's own, or anybody's with ``job.retry``; what was changed stays and can be undone."""
    info = read_progress(store, job_id)
    if info.actor is None or info.actor[1] != store.actor.id:
        store.require("job.retry")
    store.record("job.stop", detail={"job": str(job_id)})
    jobs.stop(store.raw_connection(), job_id)
    return read_progress(store, job_id)


def apply_to(store: Store, ids: Sequence[UUID], draft: Mapping[str, Any]) -> tuple[int, int]:
    """Do the deed to these contacts; returns how many were changed, and how many the actor may not change."""
    contacts: list[Contact] = store.scalars(select(Contact).where(among(Contact.id, ids)))
    allowed = [contact for contact in contacts if _may(store, _NEEDS[draft["action"]], contact)]
    done = _DEEDS[draft["action"]](store, [contact.id for contact in allowed], draft) if allowed else 0
    return done, len(ids) - len(allowed)


def _may(store: Store, permission: str, contact: Contact) -> bool:
    try:
        store.require(permission, contact)
    except Denied:
        return False
    return True


def _tag(store: Store, ids: Sequence[UUID], draft: Mapping[str, Any]) -> int:
    return tag_contacts(store, {contact_id: [draft["tag"]] for contact_id in ids})


def _untag(store: Store, ids: Sequence[UUID], draft: Mapping[str, Any]) -> int:
    return untag_contacts(store, ids, draft["tag"])


def _assign(store: Store, ids: Sequence[UUID], draft: Mapping[str, Any]) -> int:
    for contact_id in ids:
        change_contact(store, contact_id, {"owner_id": draft["owner_id"]})
    return len(ids)


def _remove(store: Store, ids: Sequence[UUID], _: Mapping[str, Any]) -> int:
    return remove_contacts(store, ids)


_DEEDS: Final[dict[str, Callable[[Store, Sequence[UUID], Mapping[str, Any]], int]]] = {
    "tag": _tag,
    "untag": _untag,
    "assign": _assign,
    "remove": _remove,
}

"""A desk at which files are imported and exported through the service, step by step, as one person."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from retinue.actor import Actor
from retinue.app import House
from retinue.contacts.models import Contact
from retinue.jobs import DONE
from retinue_io import error_file, exporting, running, service
from retinue_io.readers import Reading


@dataclass
class Desk:
    """Short ways to import and to look."""

    house: House
    actor: Actor

    def store(self, actor: Actor | None = None, *, readonly: bool = False) -> Any:
        """Open a transaction as the person of the desk."""
        return self.house.store(actor or self.actor, readonly=readonly, plugin="io")

    def upload(
        self, data: bytes | str, name: str = "people.csv", *, what: str = "contacts", **reading: Any
    ) -> UUID:
        """Upload a file and return the import's id."""
        raw = data.encode() if isinstance(data, str) else data
        with self.store() as store:
            return service.start_upload(
                store, io.BytesIO(raw), name, what=what, reading=Reading(**reading)
            ).id

    def map(self, import_id: UUID, **data: Any) -> dict[str, Any]:
        """Set the mapping; without one the proposal."""
        with self.store() as store:
            return service.describe_import(store, service.set_mapping(store, import_id, data))

    def check(self, import_id: UUID) -> dict[str, Any]:
        """Check and return what a run would do."""
        with self.store() as store:
            done = service.check_import(store, import_id).checked is not None
        while not done:  # a large one is a job, whose steps are done here
            with self.store() as store:
                done = running.advance_check(store, import_id) is DONE
        found: dict[str, Any] = self.show(import_id)["check"]
        return found

    def start(self, import_id: UUID) -> None:
        """Start a run whose steps the test does."""
        with self.store() as store:
            service.run_import(store, import_id, here=True)

    def step(self, import_id: UUID) -> bool:
        """Do one step; returns whether more are left."""
        with self.store() as store:
            return running.advance(store, import_id) is not DONE

    def run(self, import_id: UUID, *, start: bool = True) -> dict[str, Any]:
        """Run to the end and return the import."""
        if start:
            self.start(import_id)
        while self.step(import_id):
            pass
        return self.show(import_id)

    def bring(
        self, data: bytes | str, name: str = "people.csv", *, what: str = "contacts", **options: Any
    ) -> dict[str, Any]:
        """Upload, map and run; returns the import."""
        row = self.upload(data, name, what=what)
        self.map(row, **options)
        return self.run(row)

    def show(self, import_id: UUID) -> dict[str, Any]:
        """Return an import as it stands."""
        with self.store(readonly=True) as store:
            return service.describe_import(store, service.get_import(store, import_id))

    def errors(self, import_id: UUID) -> str:
        """Return the file of rejected rows."""
        with self.store(readonly=True) as store:
            return error_file.error_file(store, import_id).decode("utf-8-sig")

    def revert(self, import_id: UUID) -> dict[str, Any]:
        """Undo an import."""
        with self.store() as store:
            service.revert_import(store, import_id)
        return self.show(import_id)

    def contacts(self) -> int:
        """Return how many contacts there are."""
        with self.house.store(Actor.system("count"), readonly=True) as store:
            return int(store.scalar(select(func.count()).select_from(Contact)))

    def count(self, model: Any) -> int:
        """Return how many rows a table has."""
        with self.house.store(Actor.system("count"), readonly=True) as store:
            return int(store.scalar(select(func.count()).select_from(model)))

    def people(self) -> list[dict[str, Any]]:
        """Return all contacts as they are described, by id."""
        from retinue.contacts import describe_contacts

        with self.house.store(Actor.system("look"), readonly=True) as store:
            return describe_contacts(store, store.scalars(select(Contact).order_by(Contact.id)))

    def export(self, actor: Actor | None = None, **data: Any) -> bytes:
        """Export and return the file."""
        out = io.BytesIO()
        with self.store(actor) as store:
            exporting.export_now(store, exporting.Wanted.of(data), out)
        return out.getvalue()

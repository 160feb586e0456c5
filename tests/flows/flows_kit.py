"""What several flows do: bring files in over HTTP, step by step."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from retinue.jobs import DONE
from retinue.testing.house import Crm
from retinue_io.running import advance


class Importer:
    """An administrator who imports over HTTP; the steps of the job are done here."""

    def __init__(self, crm: Crm) -> None:
        self.crm, self.user = crm, crm.user()
        self.api = self.user.client

    def upload(self, data: bytes, what: str, name: str = "rows.csv") -> str:
        """Upload a file and return the import's path."""
        answer = self.api.call("POST", "/imports", files={"data": (name, data)}, params={"what": what})
        assert answer.status_code == 201, answer.text
        return f"/imports/{answer.json()['id']}"

    def map(self, path: str, **wish: Any) -> Any:
        """Set the mapping; without one the proposal."""
        return self.api.call("PUT", f"{path}/mapping", json={"mode": "create", **wish})

    def check(self, path: str) -> dict[str, Any]:
        """Check and return the counts and examples."""
        found: dict[str, Any] = self.api.post(f"{path}/check").json()["check"]
        return found

    def run(self, path: str) -> dict[str, Any]:
        """Run to the end and return the import."""
        assert self.api.post(f"{path}/run").status_code == 202
        import_id, state = UUID(path.rpartition("/")[2]), None
        while state is not DONE:
            with self.crm.house.store(self.user.actor, plugin="io") as store:
                state = advance(store, import_id)
        found: dict[str, Any] = self.api.get(path).json()
        return found

    def bring(self, data: bytes, what: str, **wish: Any) -> dict[str, Any]:
        """Upload, map and run."""
        path = self.upload(data, what)
        mapped = self.map(path, **wish)
        assert mapped.status_code == 200, mapped.text
        return self.run(path)

    def people(self, codes: list[str]) -> None:
        """Bring people in whom the shop calls by these codes."""
        lines = "".join(f"{code},{code},Buyer\n" for code in codes)
        done = self.bring(
            f"External ID,given_name,family_name\n{lines}".encode(),
            "contacts",
            duplicates="ignore",
            system="shop",
        )
        assert done["counts"]["created"] == len(codes)

    def points(self) -> dict[str, int]:
        """Return the points of everybody who has any, by code."""
        params = {"fields": "given_name,loyalty.balance", "loyalty.balance__gte": "1", "limit": "100"}
        rows = self.api.get("/contacts", params=params).json()["items"]
        return {row["values"]["given_name"]: row["values"]["loyalty.balance"] for row in rows}

"""The API of a plugin's life: ``/api/v1/plugins/{name}/plan`` and ``/apply``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from litestar.handlers import HTTPRouteHandler

from retinue.actor import Actor
from retinue.app.lifecycle.deeds import apply_plan, plan_action
from retinue.app.lifecycle.plans import read_plan
from retinue.app.lifecycle.schemas import AppliedSchema, ApplyRequestSchema, PlanRequestSchema, PlanSchema
from retinue.errors import Invalid, Problem
from retinue.web import post

if TYPE_CHECKING:
    from retinue.app.house import House

_ASKED: Final = PlanRequestSchema()
_PLAN: Final = PlanSchema()
_GIVEN: Final = ApplyRequestSchema()
_DONE: Final = AppliedSchema()
EXPORTS: Final = "plugin-exports"
"""The folder, in the installation's own, that uninstalls over the API export to."""


def lifecycle_routes(house: House) -> list[HTTPRouteHandler]:
    """Return the routes that plan and carry out what happens to the plugins of `house`."""

    @post("/plugins/{name:str}/plan", permission="plugin.read", takes=_ASKED, gives=_PLAN, status=200)
    def plan_plugin_action(actor: Actor, name: str, data: dict[str, Any]) -> dict[str, Any]:
        """Say everything an action on a plugin would touch; changes nothing. Needs the action's own permission."""
        options = {"cascade": data["cascade"], "from_ledger": data["from_ledger"]}
        return plan_action(house, actor, data["action"], name, **options).as_data()

    @post("/plugins/{name:str}/apply", permission="plugin.read", takes=_GIVEN, gives=_DONE, status=200)
    def apply_plugin_plan(actor: Actor, name: str, data: dict[str, Any]) -> dict[str, Any]:
        """Do exactly what a plan says; 409 if the installation has changed since. Needs the action's permission."""
        plan = read_plan(data["plan"])
        if plan.plugin != name:
            problem = Problem("/plan/plugin", f"the plan is of {plan.plugin}", "plan")
            raise Invalid("this is the plan of another plugin", code="plan", problems=[problem])
        export = None
        if plan.action == "uninstall" and data["export"]:
            folder = house.config.folder / EXPORTS
            folder.mkdir(mode=0o700, exist_ok=True)
            export = folder / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.zip"
        done = apply_plan(house, actor, plan, export=export)
        return {
            "plan": done.plan.as_data(),
            "export": f"{EXPORTS}/{export.name}" if export else "",
            "sha256": done.sha256,
            "proven_rows": done.proven_rows,
        }

    return [plan_plugin_action, apply_plugin_plan]

"""``/api/v1/email/series``: regular letters."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from retinue import Store
from retinue.web import get, patch, post
from retinue_email import series
from retinue_email.campaign_schemas import SeriesChangeSchema, SeriesDraftSchema, SeriesSchema

SERIES, DRAFT, CHANGE = SeriesSchema(), SeriesDraftSchema(), SeriesChangeSchema()


@get("/series", permission="campaign.read", gives=SERIES, tags=["email"])
def list_email_series(store: Store) -> list[dict[str, Any]]:
    """List regular letters, each with when it goes next."""
    return series.list_series(store)


@post("/series", permission="campaign.start", takes=DRAFT, gives=SERIES, tags=["email"])
def create_email_series(store: Store, data: dict[str, Any]) -> dict[str, Any]:
    """Set regular letters up: a template to a view, on days at an hour of a place."""
    return series.create_series(store, data)


@patch("/series/{series_id:uuid}", permission="campaign.start", takes=CHANGE, gives=SERIES, tags=["email"])
def change_email_series(
    store: Store, series_id: UUID, data: dict[str, Any], version: int | None
) -> dict[str, Any]:
    """Change regular letters, or let them rest."""
    return series.change_series(store, series_id, data, version)


ROUTES = [list_email_series, create_email_series, change_email_series]

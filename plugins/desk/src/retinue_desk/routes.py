"""The addresses of the desk."""

from __future__ import annotations

from typing import Any

from retinue_desk.admin_routes import admin_routes
from retinue_desk.base_routes import Handlers, Pages, common_routes, plugin_pages
from retinue_desk.brief_routes import brief_routes
from retinue_desk.change_routes import change_routes
from retinue_desk.contact_routes import contact_routes
from retinue_desk.list_routes import list_routes
from retinue_desk.rendering import Front
from retinue_desk.settings_routes import settings_routes
from retinue_desk.sign_routes import sign_routes


def desk_routes(house: Any) -> Handlers:
    """Return every page, for the house as it is now."""
    pages = Pages(Front(house))
    return [
        *sign_routes(pages),
        *list_routes(pages),
        *contact_routes(pages),
        *brief_routes(pages),
        *change_routes(pages),
        *settings_routes(pages),
        *admin_routes(pages),
        *plugin_pages(pages),
        *common_routes(pages),
    ]

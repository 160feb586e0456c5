"""A person needs a family name."""

from retinue.errors import Problem
from retinue.plugins.contract import hookimpl


@hookimpl
def contact_errors(contacts):
    """Refuse persons without a family name."""
    return [
        Problem(f"/{place}/family_name", "a person needs a family name", "required")
        for place, contact in enumerate(contacts)
        if contact.get("kind") == "person" and not contact.get("family_name")
    ]

"""Interactions: what happened with a contact; only added, never changed."""

from retinue.interactions.models import Interaction
from retinue.interactions.promises import keep_promise, list_promises, open_promises
from retinue.interactions.service import _judge as judge_interaction
from retinue.interactions.service import known_kinds, read_timeline, record_interaction, record_interactions

__all__ = [
    "Interaction",
    "judge_interaction",
    "keep_promise",
    "known_kinds",
    "list_promises",
    "open_promises",
    "read_timeline",
    "record_interaction",
    "record_interactions",
]

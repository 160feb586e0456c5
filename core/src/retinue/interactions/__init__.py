"""Interactions: what happened with a contact; only added, never changed."""

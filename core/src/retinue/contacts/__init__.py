"""Contacts: the people and organisations we know, their tags and custom fields."""

"""The app: puts the house together from storage, jobs, plugins and rooms."""

from retinue.app.house import House, load_masters, open_house

__all__ = ["House", "load_masters", "open_house"]

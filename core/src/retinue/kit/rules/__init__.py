"""The rules of the check, by what they look at; importing this package registers them all."""

from retinue.kit.rules import hooks, manifest, migrations, models, outside, packaging, routes, safety, words

__all__ = [
    "hooks",
    "manifest",
    "migrations",
    "models",
    "outside",
    "packaging",
    "routes",
    "safety",
    "words",
]

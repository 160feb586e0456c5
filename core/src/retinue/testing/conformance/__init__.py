"""The conformance tests: what every plugin owes, generated from what it says of itself.

``pytest --retinue-plugin=NAME`` runs them for an installed plugin. Nothing in them is written for one plugin: they ask
its manifest, its files and a real installation.
"""

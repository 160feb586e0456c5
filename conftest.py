"""Fixtures of the kit for every test of the workspace: databases, stores, whole installations."""

pytest_plugins = ["retinue.testing.fixtures", "retinue.testing.house"]

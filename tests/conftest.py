"""What the tests that span distributions share."""

pytest_plugins = ["retinue.testing.fixtures", "retinue.testing.house"]

pytest_plugins = ["retinue.testing.fixtures"]

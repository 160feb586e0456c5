pytest_plugins = ["retinue.testing.fixtures", "retinue.testing.house"]

"""The kit for tests of rooms and plugins: databases, stores, whole installations."""

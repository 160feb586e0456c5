"""History: who did what and when, and undoing it."""

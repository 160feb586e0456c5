"""What the tests that span distributions share."""

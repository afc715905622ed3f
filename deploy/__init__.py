"""How Touchstone is run."""

"""Checks the lineage of a release by the release alone: `touchstone verify-lineage`."""

"""ingest: takes records in, checks consent, removes personal data, draws the split, keeps them."""

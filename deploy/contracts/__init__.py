"""The published contracts: what they are, and which changes would break whoever relies on them."""

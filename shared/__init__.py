"""What the services share: `contracts` (what they agree on) and `kit` (plumbing without a domain word)."""

__version__ = "0.1.0"

"""The whole loop on real data: simulated people work on real handwritten digits through the public HTTP API only."""

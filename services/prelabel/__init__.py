"""prelabel: models, predictions, and what is worth a person's time."""

"""The only SQL of prelabel. One module per noun; every function takes the session."""

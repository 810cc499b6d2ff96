"""The model at work: which model, what it is told, and what it may do."""

"""A project opened for work: one sandbox holding one checked-out fragment."""

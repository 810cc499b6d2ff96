"""The database: the schema on one page, and the one place that opens and commits transactions."""

"""Numbers against the stated targets."""

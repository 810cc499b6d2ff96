"""The few git processes that Keelway runs, hardened."""

"""Bring the old system's JSON versions into git, and prove it. The source is only ever read."""

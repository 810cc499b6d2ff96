"""Versions of a project: durable, outside any sandbox."""

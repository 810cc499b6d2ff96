"""Previews: HTTP and WebSocket to a port inside a sandbox, routed by host name."""

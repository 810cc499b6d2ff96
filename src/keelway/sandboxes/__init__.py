"""Disposable machines, by way of the Daytona SDK; nothing else in keelway imports it."""

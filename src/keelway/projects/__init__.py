"""What people build: a name, an owner, a branch, and the sandbox it is open in."""

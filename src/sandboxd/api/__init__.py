"""The control plane: everything under the API URL that is not inside a sandbox."""

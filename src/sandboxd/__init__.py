"""sandboxd: isolated sandboxes on one machine, behind Daytona's API."""

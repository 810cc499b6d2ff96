"""What happens inside one sandbox: files, processes, sessions, terminals (ENGINE-CONTRACT 4)."""

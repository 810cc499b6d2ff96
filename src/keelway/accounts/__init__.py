"""Who is asking, and what they may do: people, sessions, keys, and the gate in front of everything."""

"""From scenarios to calls, in virtual time and in real time."""

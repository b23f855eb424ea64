"""Where Retell's frames say what they are, in words of the protocol and never in anybody's own (read 2026-11-22)."""

KINDS = frozenset({"interaction_type", "response_type", "turntaking", "role", "call_type", "call_status", "direction"})

"""The platform's side of one call: Retell's, and that of a platform that asks for chat completions."""

"""The platform's side of a call, played as the platform plays it: to try an agent without a phone."""

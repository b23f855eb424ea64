"""Conformance: named checks of one response system, played as real calls on the host's own machinery (`rejoinder.testing`)."""

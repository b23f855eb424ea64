"""The public test kit for authors of plugins, and virtual time (`rejoinder.testing.clock`)."""

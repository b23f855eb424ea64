"""A recorded call as a scenario, and what is said now against what was said then."""

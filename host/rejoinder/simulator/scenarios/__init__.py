"""What is to be played, as the YAML says it."""

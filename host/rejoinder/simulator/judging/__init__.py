"""What is found in a call that was played."""

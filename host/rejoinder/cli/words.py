"""How commands talk to a person."""

import sys


def say(line: str) -> None:
    """A line at once: what reads it may be another program that waits for it."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def say_json(value: object) -> None:
    """A value as one line of JSON."""
    import msgspec

    say(msgspec.json.encode(value).decode())


def complain(line: str) -> None:
    """A line on the error stream."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

"""Patterns by RE2, which needs no more time than the text is long, whatever the pattern: no caller can stop the agent.

The one file that knows `re2`, which comes without types; it is imported when there are patterns, not before.
"""

from collections.abc import Sequence

#: For all patterns of one agent together, in bytes; more would mean seconds of compiling at start.
MEMORY = 16 << 20


class PatternSet:
    """Patterns that are all looked for in one pass: 200 of them in a microsecond.

    Raises ValueError for one that RE2 does not take; look-around and backreferences are not in its syntax.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        import re2  # type: ignore[import-untyped]

        options = re2.Options()
        options.case_sensitive = False
        options.log_errors = False  # it would write on the process's error stream
        options.max_mem = MEMORY
        self._set = re2.Set.SearchSet(options)
        for pattern in patterns:
            try:
                re2.compile(pattern, options)  # unlike Set.Add, says what is wrong
                self._set.Add(pattern)
            except re2.error as error:
                raise ValueError(f"pattern {pattern!r} is no RE2 pattern: {_text(error)}") from None
        try:
            self._set.Compile()
        except re2.error:
            raise ValueError("the patterns together are too large: make them shorter or fewer") from None

    def found_in(self, text: str) -> frozenset[int]:
        """The indices of the patterns that occur in `text`, in whatever letter case."""
        return frozenset(self._set.Match(text) or ())


def _text(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)

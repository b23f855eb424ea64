"""What clean speech costs: CPU per chunk of a reply that streams by words, against putting the same chunk into a Retell frame.

    python tests/benchmarks/speech.py [--rounds 7] [--json]

Rows: a reply without marks, one with the marks that models write, one with marks in each chunk, and a mark that never comes to
anything. "Ours" is the cleaning, "theirs" the encoding, both in nanoseconds of CPU a chunk, a reply's first and last included.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict

from rejoinder.events import Speak, TurnRequested
from rejoinder.hygiene import CleanReply
from rejoinder.protocols.retell import RetellCodec
from serving import HEAD, Ratio

PLAIN = (
    "Of course, I can book that for you. We have a table for four at half past seven on Friday, or at nine by the window. "
    "Which of the two would you like, and what name shall I put it under?"
)
MARKED = (
    "Of course, I can **book** that for you. 🎉\n\n"
    "- A table for four at *half past seven* on Friday\n- One at nine by the `window`\n\n"
    "Which of the [two](https://example.org/tables) would you like, and what name shall I put it under?"
)
REPLIES = 200


def by_word(text: str) -> list[str]:
    """As a model streams: each word with the space before it."""
    first, *others = text.split(" ")
    return [first, *(f" {word}" for word in others)]


TEXTS: dict[str, Sequence[str]] = {
    "no marks": by_word(PLAIN),
    "some marks": by_word(MARKED),
    "marks in each chunk": [f" **{word}**" for word in PLAIN.split(" ")],
    "brackets that open no link": ["["] * len(by_word(PLAIN)),
}


def clean(chunks: Sequence[str]) -> None:
    reply = CleanReply()
    for chunk in chunks:
        reply.clean(chunk)
    reply.finish()


def encoding() -> Callable[[Sequence[str]], None]:
    codec = RetellCodec()
    request = b'{"interaction_type":"response_required","response_id":1,"transcript":[{"role":"user","content":"Hi"}]}'
    (asked,) = (event for event in codec.decode(request) if isinstance(event, TurnRequested))

    def encode(chunks: Sequence[str]) -> None:
        for chunk in chunks:
            assert codec.encode(Speak(asked.turn, chunk))

    return encode


def nanoseconds(act: Callable[[Sequence[str]], None], chunks: Sequence[str]) -> float:
    begun = time.process_time_ns()
    for _ in range(REPLIES):
        act(chunks)
    return (time.process_time_ns() - begun) / REPLIES / len(chunks)


def measured(rounds: int) -> dict[str, Ratio]:
    encode = encoding()
    results = {}
    for what, chunks in TEXTS.items():
        each = [(nanoseconds(clean, chunks), nanoseconds(encode, chunks)) for _ in range(rounds + 1)][1:]
        results[what] = Ratio.of(*zip(*each, strict=True))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="figures instead of a table")
    given = parser.parse_args()
    results = measured(given.rounds)
    if given.json:
        print(json.dumps({what: asdict(ratio) for what, ratio in results.items()}, indent=2))
    else:
        print(HEAD, *(ratio.row(what, "ns") for what, ratio in results.items()), sep="\n")


if __name__ == "__main__":
    main()

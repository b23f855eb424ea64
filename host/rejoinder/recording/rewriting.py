"""A recording without its words, made of one with them: for a call that may not be kept as it was spoken after all."""

from collections.abc import Iterable, Iterator

import msgspec

from rejoinder.recording.frames import Line, Restored, Shortened
from rejoinder.recording.muting import muted
from rejoinder.recording.redaction import Redaction


def without_words(lines: Iterable[Line]) -> Iterator[Line]:
    """The same lines, without the first one, with the lengths of texts in their places; those without any stay as
    they are. Raises ValueError if they do not belong together."""
    restored, shortened = Restored(), Shortened(Redaction(), muted)
    for line in lines:
        match line["what"]:
            case "received":
                frame = restored.frame(line)
                about = {key: line[key] for key in ("at", "what", "size")}
                shorter = shortened.line(msgspec.json.encode(frame)) if isinstance(frame, dict) else {"text": muted(frame)}
                yield {**about, **shorter}
            case "sent":
                yield {key: muted(value) if key in ("frame", "events") else value for key, value in line.items()}
            case "details":
                yield {"at": line["at"], "what": "details"}
            case "lost":
                restored = Restored()
                shortened.forget()
                yield line
            case _:
                yield line

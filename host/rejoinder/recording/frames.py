"""Frames as they are written: decoded, redacted, and of what repeats itself only what has changed.

In a line of a recording `frame` holds a frame's object. Where a list in it has grown from the list that the last frame had
under the same key, `frame` has null in its place and `grown` says how (see `rejoinder.recording.growth`). A frame that is no
object stands under `text`, an answer of server-sent events under `events`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec import Raw

from rejoinder.protocols.wire import without_lone_surrogates
from rejoinder.recording.growth import grown, is_same, tail
from rejoinder.recording.redaction import Redaction

Line = dict[str, Any]
#: A text by what it stands in and its key there.
Place = tuple[dict[str, Any], str]

#: Of a frame that cannot be read, so many characters are kept.
MOST_TEXT = 4096
#: The last utterances grow in place, and two people may speak at once.
_STILL_GROWING = 2

_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_ITEMS = msgspec.json.Decoder(list[Raw])
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)


class _Seen:
    """A list as it was in the last frame: its items as they came, and the last ones, which may still grow, as written."""

    __slots__ = ("came", "written")

    def __init__(self, came: list[bytes], written: list[Any]) -> None:
        self.came = came
        self.written = written

    @property
    def finished(self) -> int:
        return len(self.came) - len(self.written)


class Shortened:
    """Frames that came, one after the other, as they are written. `finish` has the last say on each value (see muting)."""

    def __init__(self, redaction: Redaction, finish: Callable[[Any, str], Any]) -> None:
        self._redaction = redaction
        self._finish = finish
        self._seen: dict[str, _Seen] = {}

    def forget(self) -> None:
        """What was written last is lost: write the next frame whole."""
        self._seen.clear()

    def line(self, frame: bytes | str) -> Line:
        """What is written of a frame."""
        came = frame.encode("utf-8", "replace") if isinstance(frame, str) else frame
        for one in (came, without_lone_surrogates(came)):
            try:
                return self._line(_OBJECT.decode(one))
            except _UNREADABLE:
                self.forget()  # some of its lists may have been taken for seen
        text = came[:MOST_TEXT].decode("utf-8", "replace")
        return {"text": self._finish(self._redaction.broken(text), "text")}

    def _line(self, top: dict[str, Raw]) -> Line:
        shown: dict[str, Any] = {}
        changes: dict[str, Any] = {}
        for key, raw in top.items():
            if bytes(memoryview(raw)[:1]) != b"[":
                shown[key] = self._value(raw, key)
                continue
            change, whole = self._list(key, [bytes(memoryview(item)) for item in _ITEMS.decode(raw)])
            shown[key] = whole
            if change is not None:
                changes[key] = change
        return {"frame": shown, "grown": changes} if changes else {"frame": shown}

    def _value(self, raw: Raw, key: str) -> Any:
        (redacted,) = self._redaction.value({key: msgspec.json.decode(raw)}).values()
        return self._finish({key: redacted}, "")[key]

    def _item(self, raw: bytes, key: str, *, growing: bool) -> Any:
        return self._finish(self._redaction.value(msgspec.json.decode(raw), key, growing=growing), key)

    def _list(self, key: str, came: list[bytes]) -> tuple[Any, Any]:
        """How the list under `key` has grown and None, or None and the whole list."""
        before = self._seen.get(key)
        ending = max(0, len(came) - _STILL_GROWING)
        if before is None:
            whole = [self._item(raw, key, growing=at >= ending) for at, raw in enumerate(came)]
            self._seen[key] = _Seen(came, whole[ending:])
            return None, whole
        if came == before.came:
            return {"keep": len(came), "then": []}, None
        common = _common(before.came, came)
        start = min(common, before.finished, ending)
        written = [
            before.written[at - before.finished]  # the same item, which was one of the last before and is again
            if max(ending, before.finished) <= at < common
            else self._item(came[at], key, growing=at >= ending)
            for at in range(start, len(came))
        ]
        known = before.written if start == before.finished else []  # else what had finished was rewritten
        same = 0
        while same < len(known) and same < len(written) and is_same(known[same], written[same]):
            same += 1
        self._seen[key] = _Seen(came, written[ending - start :])
        return tail(start + same, known[same : same + 1], written[same:]), None


def _common(old: list[bytes], new: list[bytes]) -> int:
    return next((at for at, (was, now) in enumerate(zip(old, new, strict=False)) if was != now), min(len(old), len(new)))


class Restored:
    """The frames of written lines, one after the other, as they were before they were shortened."""

    def __init__(self) -> None:
        self._lists: dict[str, list[Any]] = {}

    def frame(self, line: Line) -> Any:
        """The frame of a line: an object, or the text of what was none. Raises ValueError if the line is not what it seems."""
        if "frame" not in line:
            return line.get("text", "")
        shown, changes = line["frame"], line.get("grown", {})
        if not isinstance(shown, dict) or not isinstance(changes, dict):
            raise ValueError("a frame is no object")  # noqa: TRY004  of a line, as the docstring has it
        frame = dict(shown)
        for key, change in changes.items():
            frame[key] = grown(self._lists.get(key, []), change)
        self._lists.update({key: value for key, value in frame.items() if isinstance(value, list)})
        return frame


def spoken(sent: Any) -> Iterator[Place]:
    """Where in what was sent the words of the agent stand, in their order, or how many characters they had. What a tool gave
    and what the platform is told beside the words is not spoken."""
    match sent:
        case {"tool_call_id": _}:
            return
        case dict():
            for key, one in sent.items():
                if key == "content" and isinstance(one, str | int):
                    yield sent, key
                elif key != "metadata":
                    yield from spoken(one)
        case list():
            for one in sent:
                yield from spoken(one)
        case _:
            pass

"""List, read and delete the calls that were recorded ('record:' in the YAML file, or 'rejoinder serve --record').

DIR_OR_FILE is a folder of recordings, one recording, or a YAML file that names a folder (default: that of ./rejoinder.yaml,
then ./config/rejoinder.yaml, else ./recordings). A number is found by a mark that was made of it; no recording holds it."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rejoinder.cli.files import duration
from rejoinder.cli.words import complain, count, say, say_json

if TYPE_CHECKING:
    from rejoinder.recording.catalogue import Recording, Wanted
    from rejoinder.recording.shelf import Shelf

HELP = "list, read and delete recorded calls"

ORDERS = ("list", "show", "delete")
WHICH = "say which: --call, --number, --route or --older-than"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("order", choices=ORDERS, metavar="|".join(ORDERS), help="what to do with the calls that are meant")
    parser.add_argument("place", nargs="?", type=Path, metavar="DIR_OR_FILE", help="where they are")
    parser.set_defaults(last_word="place")
    parser.add_argument("--call", type=_given, metavar="ID", help="the call with this id")
    parser.add_argument("--number", type=_given, metavar="NUMBER", help="calls from or to this telephone number")
    parser.add_argument("--route", type=_given, metavar="ROUTE", help="calls on this route")
    parser.add_argument("--older-than", type=duration, metavar="AGE", help="calls that began so long ago: 12h, 30d")
    parser.add_argument("--yes", action="store_true", help="delete without asking")
    parser.add_argument(
        "--json", action="store_true", help="print JSON instead of text: list and delete one array, show the lines"
    )


def _given(text: str) -> str:
    if not text.strip():  # of a variable that was not set; taken for nothing it would mean every call
        raise argparse.ArgumentTypeError("expected some text")
    return text


def run(given: argparse.Namespace) -> int:
    from rejoinder.recording.catalogue import Wanted, chosen, recordings

    wanted = Wanted(given.call or "", given.number or "", given.route or "", given.older_than)
    try:
        found = _place(given.place)
        if found is None:
            return 1
        shelf, paths = found
        if wanted.number and not shelf.known_mark(wanted.number):
            complain(f"rejoinder: {shelf.folder} has no key, so that no number can be found there")
            return 1
        calls = list(chosen(recordings(paths), wanted, shelf))
    except OSError as error:
        complain(f"rejoinder: {error.filename}: {error.strerror}")
        return 1
    if given.order == "list":
        return _list(calls, shelf, as_json=given.json)
    is_named = given.place is not None and paths == [given.place]
    if given.order == "show":
        return _show(calls, shelf, as_json=given.json, all_are_meant=not wanted.is_anything or is_named)
    return _delete(calls, wanted, given, is_named=is_named)


def _place(place: Path | None) -> "tuple[Shelf, list[Path]] | None":
    """Where to look, and the recordings there; None, with the remedy said, if there is no such place."""
    from rejoinder.config import find, load
    from rejoinder.recording.shelf import Shelf, head_of

    if place is not None and not place.exists():
        complain(f"rejoinder: there is no {place}")
        return None
    if place is not None and head_of(place):
        return Shelf(place.parent), [place]
    folder = place
    if place is None or not place.is_dir():
        file = place or find(Path())
        loaded = load(file, secrets=False) if file else None
        config = (loaded.config or loaded.legible) if loaded else None
        folder = config.recordings if config else Path("recordings") if place is None else None
    if folder is None or (place is None and not folder.is_dir()):
        what = f"{place} is neither a recording nor a file that names their folder" if place else "no calls are recorded here"
        complain(f"rejoinder: {what}; name a folder, a recording, or the YAML file")
        return None
    shelf = Shelf(folder)
    return shelf, shelf.paths()


def _list(calls: "list[Recording]", shelf: "Shelf", *, as_json: bool) -> int:
    if as_json:
        say_json([_summary(one) for one in calls])
        return 0
    rows = [("BEGUN (UTC)", "SECONDS", "ROUTE", "AGENT", "CALL", "NUMBER", "WORDS", "ENDED BY"), *map(_row, calls)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows if calls else ():
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    say(f"{count(len(calls), 'recording')} in {shelf.folder}")
    return 0


def _row(one: "Recording") -> tuple[str, ...]:
    from rejoinder.recording.story import printable

    duration = one.ended.get("duration")
    cells = (
        f"{one.start:%Y-%m-%d %H:%M:%S}",
        f"{duration:.1f}" if isinstance(duration, int | float) else "-",
        str(one.head.get("route")),
        str(one.head.get("agent")),
        str(one.head.get("call")),
        str(one.details.get("number", "-")),
        str(one.head.get("words")),
        str(one.ended.get("ended_by", "(goes on, or was cut off)")),
    )
    return tuple(map(printable, cells))


def _summary(one: "Recording") -> dict[str, Any]:
    head = {key: value for key, value in one.head.items() if key not in ("rejoinder", "version")}
    return {"file": str(one.path), "size": one.size, **head, "details": _facts(one.details), "ended": _facts(one.ended) or None}


def _facts(line: Any) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key not in ("at", "what")}


def _show(calls: "list[Recording]", shelf: "Shelf", *, as_json: bool, all_are_meant: bool) -> int:
    from rejoinder.recording.catalogue import lines_of
    from rejoinder.recording.story import Story

    if not calls:
        complain(f"rejoinder: no such call in {shelf.folder}")
        return 1
    if len(calls) > 1 and not all_are_meant:
        complain(f"rejoinder: there are {len(calls)} recordings in {shelf.folder}; {WHICH}")
        return 1
    for number, one in enumerate(reversed(calls)):
        if as_json:
            say(one.path.read_text("utf-8", "replace").rstrip("\n"))
            continue
        if number:
            say("")
        for line in Story(one.head).lines(lines_of(one.path)):
            say(line)
    return 0


def _delete(calls: "list[Recording]", wanted: "Wanted", given: argparse.Namespace, *, is_named: bool) -> int:
    if wanted.is_anything and not is_named:
        complain(f"rejoinder: {WHICH} (--older-than 0s is all)")
        return 2
    if calls and not given.yes and not _agrees(calls):
        complain("rejoinder: nothing was deleted (--yes deletes without asking)")
        return 1
    failed = 0
    deleted: list[Recording] = []
    for one in calls:
        try:
            one.path.unlink(missing_ok=True)
            deleted.append(one)
        except OSError as error:
            failed += 1
            complain(f"rejoinder: {one.path} cannot be deleted: {error.strerror}")
    if given.json:
        say_json([_summary(one) for one in deleted])
    else:
        for one in deleted:
            say(f"deleted {one.path}")
        say(f"{count(len(deleted), 'recording')} deleted")
    return 1 if failed else 0


def _agrees(calls: "list[Recording]") -> bool:
    """Whether whoever sits there wants it; nobody there is no."""
    first, last = calls[-1].start, calls[0].start
    sys.stderr.write(f"Delete {count(len(calls), 'recording')}, begun {first:%Y-%m-%d} to {last:%Y-%m-%d}? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")

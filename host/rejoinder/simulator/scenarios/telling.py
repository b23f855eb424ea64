"""Steps of a scenario in words, as a story tells them."""

from rejoinder.simulator.scenarios.steps import (
    DialsTwice,
    Drops,
    Duplicates,
    HangsUp,
    Hears,
    Mumbles,
    Presses,
    ReadsSlowly,
    Reorders,
    Says,
    Sends,
    Silent,
    Step,
)


def told(step: Step) -> str:
    """What a step does, as the end of a sentence that begins with the caller."""
    match step:
        case Says(text=text):
            return f"says {text!r}"
        case Mumbles():
            return "mumbles"
        case Presses(digits=digits):
            return f"presses {digits}"
        case HangsUp():
            return "hangs up"
        case Silent(seconds=seconds):
            return f"is silent for {seconds:g} s"
        case Hears():
            return "hears the agent out"
        case _:
            return _told_fault(step)


def _told_fault(step: Step) -> str:
    match step:
        case Drops(what="connection"):
            return "loses the connection"
        case Drops():
            return "gets no keepalive through"
        case Duplicates(frames=frames):
            return f"sends {frames} frames twice"
        case Reorders(frames=frames):
            return f"sends {frames} frames in another order"
        case ReadsSlowly(seconds=seconds):
            return f"reads nothing for {seconds:g} s"
        case DialsTwice():
            return "dials once more"
        case Sends(frame=frame, is_binary=is_binary):
            return f"sends {'bytes' if is_binary else 'a frame'}: {frame.decode(errors='replace')}"
        case _:
            return type(step).__name__

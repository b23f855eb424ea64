"""The ways in which hand-written servers are known to fail a caller, by the number that tests give them."""

import re

from rejoinder.simulator.scenarios.scenario import Scenario

FAILURES = {
    1: "sequential receive loop",
    2: "blocking the event loop",
    3: "stale answers",
    4: "never-closed response on error",
    5: "never-closed response by mistake",
    6: "empty transcript crash",
    7: "text that is not JSON",
    8: "after a binary frame",
    9: "unknown type kills the call",
    10: "reminder treated as a question",
    11: "double side effects",
    12: "cancelling a side effect half-way",
    13: "killing the answer when the socket drops",
    14: "greeting twice, or never",
    15: "configuration missing, late, polluted",
    16: "wrong wire types, wrong protocol",
    17: "old protocol without a type",
    18: "concurrent sends",
    19: "queue starvation by updates",
    20: "frame caps too small",
    21: "clean return closes with 1000",
    22: "hang-up on the wrong response, silent, or lost",
    23: "two actions at once",
    24: "tool without a spoken line",
    25: "chunks glued or trimmed",
    26: "history appended from requests",
    27: "unbuffered latency",
    28: "markdown and emoji read aloud",
    29: "open endpoint",
    30: "webhook handled wrongly",
    31: "several live calls of one user",
    32: "task handles dropped",
    33: "per-process state lost on deploy",
    34: "no upgrade at all",
}

#: Those that show in no call, and why.
BEYOND_A_CALL = {
    "open endpoint": "who may dial is decided before there is a call, and the platform shows no credentials either way",
    "webhook handled wrongly": "webhooks are requests of their own beside the call",
    "several live calls of one user": "each call is right by itself; which are one user's the platform does not say",
    "per-process state lost on deploy": "the platform cannot have the server replaced; a connection it loses is played",
    "no upgrade at all": "a server that never takes a call has none to be played: its scenarios are broken, not failed",
}


def failures_of(scenario: Scenario) -> list[str]:
    """Those that a scenario says it shows."""
    return [told for listed in re.findall(r"Shows: ([^.]*)\.", scenario.about) for told in listed.split("; ")]

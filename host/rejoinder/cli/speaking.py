"""Which platform `rejoinder simulate` plays, and what of the scenarios can be played on it."""

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rejoinder.cli.words import say

if TYPE_CHECKING:
    from rejoinder.simulator.scenarios.scenario import Scenario

PLATFORMS = ("retell", "chat")
KEY = "REJOINDER_CHAT_KEY"


def add_platform(parser: argparse.ArgumentParser) -> None:
    """The flags."""
    parser.add_argument("--platform", choices=PLATFORMS, default="retell", help="what plays the calls (default: retell)")
    parser.add_argument("--key", help=f"the key by which --url is asked for chat completions (default: ${KEY})")


def odd_on_platform(given: argparse.Namespace) -> str:
    """What does not go together on the command line."""
    if given.platform == "chat":
        if given.load:
            return "--load is played as Retell plays it: not together with --platform chat"
        return (
            ""
            if given.key is None or given.url
            else "--key is for --url; the routes of a file are played with their own secrets"
        )
    return "" if given.key is None else "--key is for --platform chat; for Retell the secret is in the URL"


def key_of(given: argparse.Namespace) -> str:
    """What opens the route behind a URL, "" for nothing."""
    return given.key if given.key is not None else os.environ.get(KEY, "")


def playable(given: argparse.Namespace, scenarios: "Sequence[Scenario]") -> "Sequence[Scenario]":
    """What the platform can play; tells what it cannot."""
    if given.platform == "retell":
        return scenarios
    from rejoinder.simulator.scenarios.over_chat import over_chat, why_not

    for scenario in scenarios:
        if why := why_not(scenario):
            say(f"skipped  {scenario.name}: {why}")
    return [over_chat(scenario) for scenario in scenarios if not why_not(scenario)]

"""The hooks a plugin may implement. All are called once, when a plugin is loaded; none while a call is live.

Entry-point group `rejoinder`; the entry point's name is the name used in YAML and its value the module (or object) that holds
the implementations.
"""

from typing import Any

import pluggy

from rejoinder.contract import ObserverSpec, SystemSpec

ENTRY_POINT_GROUP = "rejoinder"

hookspec = pluggy.HookspecMarker("rejoinder")
#: Marks a plugin's implementation of one of the hooks below.
hookimpl = pluggy.HookimplMarker("rejoinder")


@hookspec
def rejoinder_response_system() -> SystemSpec[Any]:  # type: ignore[empty-body]
    """Provide a response system: what answers a call."""


@hookspec
def rejoinder_observer() -> ObserverSpec[Any]:  # type: ignore[empty-body]
    """Provide an observer: what hears of calls without taking part."""

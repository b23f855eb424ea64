"""Nobody listens to how a run of scenarios gets on."""

from rejoinder.simulator.judging.findings import Play, Verdict


class Silence:
    """Told of each play, and says nothing."""

    def begun(self, play: Play) -> None: ...

    def ended(self, verdict: Verdict) -> None: ...

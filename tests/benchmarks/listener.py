"""A plugin that listens to every update: then each is read, whose words are told to it."""

from rejoinder import Options, Reply, ResponseSystem, Transcript, Turn, hookimpl, per_call


class Listener(ResponseSystem[Options]):
    """Counts what has been said."""

    said = 0

    async def respond(self, turn: Turn) -> Reply:
        yield f"So far {self.said} utterances."

    async def listening(self, transcript: Transcript) -> None:
        self.said = len(transcript)


@hookimpl
def rejoinder_response_system() -> object:
    return per_call(Listener, Options)

"""What a response system may order outside its replies."""

from msgspec import Struct

from rejoinder.dialogue import Metadata, Say, Tuning


class Interrupt(Struct, frozen=True):
    """Order to the host: speak now, over whoever speaks."""

    say: Say


Order = Interrupt | Tuning | Metadata

"""The messages of a request: the prompt, the call as heard, and an instruction where there is no question to answer."""

from msgspec import Struct

from rejoinder import Transcript, Turn

REMIND = (
    "The caller has said nothing for a while. In one short sentence, in the language of the call ({language}), ask whether "
    "they are still there or need a moment. Do not answer or repeat anything from before."
)
OPEN = (
    "The caller has said nothing yet that could be understood. In one short sentence, in the language of the call "
    "({language}), ask how you can help."
)
GO_ON = (
    "The caller waits for you to speak. Go on from your last words in the language of the call ({language}); repeat nothing."
)


class Message(Struct, frozen=True):
    role: str
    content: str


def messages(turn: Turn, prompt: str, own_lines: frozenset[str], language: str, reminder: str, role: str) -> list[Message]:
    """What to send for `turn`; never empty. `own_lines` are apologies of the owner, which a model would only imitate.

    Where the caller did not speak last, an instruction of `role` follows: many servers refuse a conversation
    that ends with the assistant, or has nothing but a system message, and others continue its last sentence.
    """
    sent = [Message("system", prompt)] if prompt.strip() else []
    talk = spoken_words(turn.transcript.with_host_lines(own_lines))
    if turn.spoken.strip():
        talk.append(Message("assistant", turn.spoken.strip()))
    instruction = missing_question(turn, talk, reminder)
    if instruction:
        talk.append(Message(role, instruction.replace("{language}", language)))
    return sent + talk


def spoken_words(transcript: Transcript) -> list[Message]:
    return [Message("user" if said.role == "user" else "assistant", said.text) for said in transcript.history()]


def missing_question(turn: Turn, talk: list[Message], reminder: str) -> str:
    if turn.kind == "reminder":
        return reminder.strip() or REMIND
    if talk and talk[-1].role == "user":
        return ""
    return GO_ON if turn.spoken.strip() or any(message.role == "user" for message in talk) else OPEN

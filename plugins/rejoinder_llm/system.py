"""The response system: a turn becomes a request, its answer the reply."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rejoinder import Call, Reply, ReplyFailed, ResponseSystem, Turn, Usage
from rejoinder_llm import failure
from rejoinder_llm.client import Answer, Client, open_client
from rejoinder_llm.failure import AskFailed
from rejoinder_llm.history import Message, messages
from rejoinder_llm.options import LLMOptions

logger = logging.getLogger("rejoinder.plugin.llm")


class LLM(ResponseSystem[LLMOptions]):
    """One call's model. Keeps nothing between turns: the transcript is the truth."""

    def __init__(self, options: LLMOptions, call: Call, client: Client) -> None:
        super().__init__(options, call)
        self._client = client

    async def begin(self, turn: Turn) -> Reply:
        if self.options.begin:
            yield await self.call.fill(self.options.begin)

    def respond(self, turn: Turn) -> Reply:
        return self._reply(turn)

    def remind(self, turn: Turn) -> Reply:
        return self._reply(turn)

    async def _reply(self, turn: Turn) -> Reply:
        """Text as it comes. What was heard before a failure is kept and the reply ends there.

        If nothing was, the owner's line is, or the reply fails. A reminder always fails: the host's own line is a nudge, an
        apology is none.
        """
        spoke, why, late = False, "no words", False
        try:
            async with self._client.asked(await self._messages(turn)) as answer:
                held = ""  # what nobody could hear: the host takes a text for words
                while texts := await answer.read():
                    for text in texts:
                        held += text
                        spoke = spoke or is_speakable(text)
                        if spoke:
                            yield held
                            held = ""
            self._review(answer, spoke=spoke)
            if answer.usage is not None:
                yield Usage(answer.usage.prompt_tokens or 0, answer.usage.completion_tokens or 0)
        except AskFailed as failed:
            self._client.complaints.say(failed.kind, str(failed))
            why, late = failed.kind, failed.late
        if not spoke:
            line = self._line(late=late) if turn.kind != "reminder" else ""
            if not line:
                raise ReplyFailed(f"no answer from {self.options.place} ({why})")
            yield line

    async def _messages(self, turn: Turn) -> list[Message]:
        return messages(
            turn,
            prompt=await self.call.fill(self.options.prompt),
            own_lines=frozenset({self._line(late=False), self._line(late=True)} - {""}),
            language=self.call.language,
            reminder=await self.call.fill(self.options.reminder_instruction),
            role=self.options.instruction_role,
        )

    def _line(self, *, late: bool) -> str:
        return self.call.render(self.options.timeout_line if late else self.options.error_line).strip()

    def _review(self, answer: Answer, *, spoke: bool) -> None:
        """Say in the log what the caller would otherwise only wonder about."""
        model, say = self.options.model, self._client.complaints.say
        if answer.asked_for_tool:
            say("tool", f"{model} asked for a tool; this agent has none, so it was passed over: see options.extra_body")
        if answer.unreadable:
            say("unreadable", f"{self.options.place} sent an event that cannot be read: {answer.unreadable}")
        if answer.finish_reason == "length":
            hint = "" if spoke else " before a word was spoken; a model that reasons needs options.reasoning_effort"
            say("length", f"{model} used up options.max_tokens ({self.options.max_tokens}){hint}")
        elif answer.finish_reason == "content_filter":
            say("content_filter", f"the server's content filter stopped {model}")
        elif not spoke:
            how = (
                f"finish_reason {answer.finish_reason}"
                if answer.finish_reason
                else "is options.base_url the address of an API?"
            )
            say("nothing", f"{model} at {self.options.place} answered without a word ({how})")


def is_speakable(text: str) -> bool:
    return any(character.isalnum() for character in text)


@asynccontextmanager
async def open_agent(options: LLMOptions) -> AsyncIterator["LLMFactory"]:
    async with open_client(options) as client:
        if options.lacks_key:
            missing = failure.key_missing(options)
            client.complaints.say(missing.kind, str(missing))
        yield LLMFactory(options, client)


class LLMFactory:
    """Makes the object of one call and sees to a connection for it."""

    def __init__(self, options: LLMOptions, client: Client) -> None:
        self._options = options
        self._client = client

    def __call__(self, call: Call) -> LLM:
        self._client.warm()
        return LLM(self._options, call, self._client)

"""The response system: a turn becomes a request, its answer the reply."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rejoinder import Call, Reply, ResponseSystem, Turn, Usage
from rejoinder_llm import failure
from rejoinder_llm.client import Answer, Client, open_client
from rejoinder_llm.failure import AnswerFailed, AskFailed
from rejoinder_llm.history import Message, messages
from rejoinder_llm.options import LLMOptions

logger = logging.getLogger("rejoinder.plugin.llm")

#: Spoken in English calls only; a call in another language never hears them.
ERROR_LINE = "I am sorry, something went wrong on my side. Could you say that again?"
TIMEOUT_LINE = "I am sorry, this takes longer than it should. Could you say that again?"


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
        """Text as it comes. What was said before a failure is kept and the reply ends there; if nothing was, an apology."""
        spoke = late = False
        try:
            async with self._client.asked(await self._messages(turn)) as answer:
                while texts := await answer.read():
                    for text in texts:
                        spoke = spoke or is_speakable(text)
                        yield text
            self._review(answer, spoke=spoke)
            if answer.usage is not None:
                yield Usage(answer.usage.prompt_tokens or 0, answer.usage.completion_tokens or 0)
        except AskFailed as failed:
            self._client.complaints.say(failed.kind, str(failed))
            late = failed.late
        if not spoke and turn.kind != "reminder":  # a nudge that cannot be had is the host's own line, not an apology
            yield self._apology(late=late)

    async def _messages(self, turn: Turn) -> list[Message]:
        return messages(
            turn,
            prompt=await self.call.fill(self.options.prompt),
            own_lines=frozenset(filter(None, (self._line(late=False), self._line(late=True)))),
            language=self.call.language,
            reminder=await self.call.fill(self.options.reminder_instruction),
            role=self.options.instruction_role,
        )

    def _line(self, *, late: bool) -> str:
        """The apology to speak, "" if that is the host's."""
        given = self.options.timeout_line if late else self.options.error_line
        if given is not None:
            return self.call.render(given).strip()
        if not is_english(self.call.language):
            return ""
        return TIMEOUT_LINE if late else ERROR_LINE

    def _apology(self, *, late: bool) -> str:
        line = self._line(late=late)
        if not line:
            name = "timeout_line" if late else "error_line"
            raise AnswerFailed(f"no answer from {self.options.place}, and options.{name} has no line for {self.call.language}")
        return line

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


def is_english(language: str) -> bool:
    return language.lower().replace("_", "-").partition("-")[0] in ("en", "eng")


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

"""A language model for scenarios: a real server of chat completions, which answers by what the caller said last."""

from rejoinder.testing.llm import FakeLLM, Script, Step

#: A word in the caller's question, and what is streamed for it: texts, seconds between them, and how it ends.
ANSWERS: dict[str, tuple[tuple[str | float, ...], Step | None]] = {
    "markup": (("**We** open:\n", "- at `nine`\n", "- or [later](https://example.org) 🎉.\n"), None),
    "slowly": (("Let me see.", 2.0, " We open at nine,", 2.0, " and close at five."), None),
    "stall": ((), Step.STALL),
    "half": (("We open at nine.", " And then"), Step.CUT),
    "open": (("We open ", "at nine."), None),
}

REFUSE = "refuse"


class Model(FakeLLM):
    """Of the words in a question the last counts; `refuse` has it refused. All else is told what it asked, and how many users'
    messages came with it."""

    def _next_script(self) -> Script:
        asked = [message["content"] for message in self.requests[-1].messages if message["role"] == "user"]
        last = asked[-1] if asked else ""
        word = max((*ANSWERS, REFUSE), key=last.rfind)
        if word not in last:
            self.will_say("You said: ", *(f"{one} " for one in last.split()), f"in {len(asked)}.")
        elif word == REFUSE:
            self.will_refuse(500)
        else:
            texts, end = ANSWERS[word]
            self.will_say(*texts, then=end)
        return super()._next_script()

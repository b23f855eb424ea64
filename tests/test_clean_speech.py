"""`clean_speech` of the file, heard at the other end of the line."""

import pytest

from rejoinder.errors import ConfigError
from rejoinder.testing.telephone import calling
from served import Serve

PARROTS = """
server: {port: 0}
agents:
  clean: {system: echo, begin: "**Hi**", options: {prefix: "", by_word: true}}
  raw: {extends: clean, clean_speech: false}
routes: {/clean: clean, /raw: raw}
"""
WRITTEN = "# Our **menu**: - tea 🎉 and `a_b` for 2*3, see [this one](https://a.example/b_c) now"


@pytest.mark.failure(28)
@pytest.mark.parametrize(
    ("path", "spoken"), [("/clean", "Our menu: - tea and a_b for 2*3, see this one now"), ("/raw", WRITTEN)]
)
async def test_a_caller_hears_no_marks_unless_the_file_lets_them_through(serve: Serve, path: str, spoken: str) -> None:
    served = await serve(PARROTS)
    async with calling(served.ws(path)) as caller:
        assert (await caller.hears()).text == "**Hi**"  # the file's own lines are said as they stand
        await caller.says(WRITTEN)
        assert (await caller.hears()).text == spoken


async def test_the_nearest_word_about_it_wins(serve: Serve) -> None:
    served = await serve(f"defaults: {{clean_speech: false}}{PARROTS.replace('false', 'true')}")
    agents = served.host.routes.config.agents
    assert (agents["clean"].clean_speech, agents["raw"].clean_speech) == (False, True)


async def test_a_reload_that_switches_it_is_heard_in_the_next_call(serve: Serve) -> None:
    served = await serve(PARROTS)
    served.write(PARROTS.replace("false", "true"))
    assert await served.host.reloader.reload()
    async with calling(served.ws("/raw")) as caller:
        await caller.hears()
        await caller.says("*so*")
        assert (await caller.hears()).text == "so"


async def test_a_reply_of_nothing_but_marks_is_not_taken_for_silence(serve: Serve) -> None:
    served = await serve(PARROTS)
    async with calling(served.ws("/clean")) as caller:
        await caller.hears()
        await caller.says("🎉")
        assert (await caller.hears()).text == "I am sorry, could you say that again?"


async def test_a_value_that_is_neither_true_nor_false_is_refused(serve: Serve) -> None:
    with pytest.raises(ConfigError, match=r"agents\.raw\.clean_speech: expected true or false"):
        await serve(PARROTS.replace("false", "sometimes"))

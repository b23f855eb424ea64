"""A caller who only takes leave over the agent's goodbye is hung up on after all; whoever says more is answered."""

import re
from typing import Any

import pytest

from rejoinder.caller_farewells import COURTESIES, FAREWELLS, is_farewell, words_since
from rejoinder.dialogue import EndCall, Transcript, Usage, Utterance
from rejoinder.effects import Effect, Send, StartReply, TurnEnded, TurnStarted
from rejoinder.engine import Conversation
from rejoinder.events import Finish, TurnRequested
from rejoinder.lines import BUILT_IN, HostLines, OwnLines
from rejoinder.orders import HangUp
from rejoinder.templates import template


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Bye"),
        ("en-GB", "Thanks, bye!"),
        ("en", "OK, goodbye."),
        ("en", "Bye-bye, have a nice day."),
        ("en", "Alright then, thank you so much. Talk to you later!"),
        ("en", "You too."),
        ("de", "Danke, tschüß!"),
        ("de-AT", "Ihnen auch, auf Wiederhören."),
        ("es", "Vale, muchas gracias, adios"),
        ("fr", "Merci, au revoir, bonne journée !"),
        ("fr", "À tout à l’heure"),
        ("it", "Grazie mille, arrivederci"),
        ("nl", "Dank je wel, doei doei"),
        ("pt-BR", "Obrigada, tchau"),
        ("en", "No, that's all. Bye."),
        ("de", "Nein, das war's, tschüss."),
        ("es", "No, eso es todo, gracias. Adiós."),
        ("fr", "Non, c'est tout, merci, au revoir."),
        ("it", "No, è tutto, arrivederci."),
        ("nl", "Nee, dat was het. Dag!"),
        ("pt", "Não, mais nada. Adeus."),
    ],
)
def test_a_farewell_is_known_with_the_courtesies_around_it(language: str, text: str) -> None:
    assert is_farewell(text, language)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "ok",
        "Thanks.",
        "No.",
        "Bye?",
        "Bye, but wait",
        "No, wait, goodbye is not what I wanted",
        "I would like to say bye to my order",
        "(unintelligible audio)",
        "bye " * 13,
    ],
)
def test_what_is_anything_else_is_not_taken_for_one(text: str) -> None:
    assert not is_farewell(text, "en")


@pytest.mark.parametrize(
    ("language", "text"), [("es", "No hasta mañana"), ("pt", "Até amanhã não"), ("pt", "Não é tudo, tchau")]
)
def test_a_word_that_is_also_not_says_no_beside_a_farewell_only_where_it_can_mean_nothing_else(
    language: str, text: str
) -> None:
    assert not is_farewell(text, language)


def each(texts: str) -> list[str]:
    """Each of the texts, with the first of the words that may stand in a place."""
    return re.sub(r"/\S+?(?=[\s,]|$)", "", texts).split(",")


def test_every_language_with_lines_has_farewells_and_no_courtesy_is_one() -> None:
    assert FAREWELLS.keys() == COURTESIES.keys() == BUILT_IN.keys()
    for tag in BUILT_IN:
        assert all(is_farewell(text, tag) for text in each(FAREWELLS[tag]))
        assert not any(is_farewell(text, tag) for text in each(COURTESIES[tag]))


def test_a_language_without_lists_knows_those_of_the_file_and_an_empty_list_knows_none() -> None:
    assert not is_farewell("bye", "pl")
    assert is_farewell("Do widzenia!", "pl", ("do widzenia",))
    assert is_farewell("Thanks, toodle-oo", "en", ("toodle-oo",))
    assert not is_farewell("bye", "en", ("toodle-oo",))
    assert not is_farewell("bye", "en", ())
    assert not is_farewell("...", "en", ("...",))


def said(*texts: str) -> Transcript:
    """What agent and caller said in turn, the agent first."""
    return Transcript(tuple(Utterance("user" if place % 2 else "agent", text) for place, text in enumerate(texts)))


@pytest.mark.parametrize(
    ("now", "new"),
    [
        (("Hello.", "that is all", "Good", "Bye"), "Bye"),
        (("Hello.", "That is all. Bye!"), "bye"),
        (("Hello.", "that is all, bye?"), "bye ?"),
        (("Hello.", "that is all, bye", "Good", "bye"), "bye bye"),
        (("Hello.", "that is all"), ""),
        (("Hello.", "that was all, bye"), ""),
        (("Hello.",), ""),
        ((), ""),
    ],
)
def test_what_a_caller_has_said_since_is_told_also_of_one_who_went_on(now: tuple[str, ...], new: str) -> None:
    assert words_since(said("Hello.", "that is all"), said(*now)) == new


def test_of_a_caller_who_had_said_nothing_all_is_new() -> None:
    assert words_since(Transcript(), said("Hello.", "bye")) == "bye"


class HungUp:
    """A call whose agent has hung up with "Farewell." in turn 1, asked by "that is all"."""

    def __init__(self, own: OwnLines = OwnLines(), language: str = "en", **others: Any) -> None:
        lines = HostLines(language, lambda _: "", template("Hello."), own=own)
        self.can: frozenset[Any] = frozenset({EndCall})
        self.talk = Conversation(lines, actions=lambda: self.can, numbers={}, **others)
        self.talk.opened()
        self.talk.receive(TurnRequested(1, "response", said("Hello.", "that is all")))
        self.talk.output(1, "Farewell.")
        self.talk.output(1, EndCall())
        self.talk.ended(1)

    def hears(self, text: str, turn: int = 2, kind: Any = "response") -> list[Effect]:
        return self.talk.receive(TurnRequested(turn, kind, said("Hello.", "that is all", "Fare", text)))


def is_asked(effects: list[Effect]) -> bool:
    return any(isinstance(one, StartReply) for one in effects)


@pytest.mark.failure(22)
def test_a_hang_up_is_repeated_with_the_goodbye_of_the_host() -> None:
    call = HungUp()
    assert call.hears("Bye!") == [
        TurnStarted(2, "response"),
        Send(Finish(2, "Goodbye.", EndCall(), uninterruptible=True), 2),
        TurnEnded(2, "response", "finished", Usage()),
    ]
    assert call.talk.hung_up


def test_it_is_repeated_as_often_as_the_caller_takes_leave() -> None:
    call = HungUp(OwnLines(goodbye=(template("So long."),)))
    call.hears("Bye")
    effects = call.talk.receive(TurnRequested(3, "response", said("Hello.", "that is all", "Fare", "Bye, thank you, bye")))
    assert Send(Finish(3, "So long.", EndCall(), uninterruptible=True), 3) in effects


@pytest.mark.parametrize("text", ["wait", "thanks", "Bye?", "Bye. Oh, one more thing"])
def test_who_says_more_is_answered(text: str) -> None:
    call = HungUp()
    assert is_asked(call.hears(text))
    assert not call.talk.hung_up


def test_without_a_hang_up_before_it_a_farewell_is_for_the_agent() -> None:
    call = HungUp()
    call.hears("wait")
    call.talk.output(2, "Yes?")
    call.talk.ended(2)
    assert is_asked(
        call.talk.receive(TurnRequested(3, "response", said("Hello.", "that is all", "Fare", "wait", "Yes?", "bye")))
    )


def test_a_reminder_after_a_hang_up_is_no_farewell() -> None:
    assert is_asked(HungUp().hears("Bye", kind="reminder"))


def test_a_platform_that_cannot_hang_up_any_more_has_the_agent_asked() -> None:
    call = HungUp()
    call.can = frozenset()
    assert is_asked(call.hears("Bye"))


def test_the_file_says_what_a_farewell_is() -> None:
    assert is_asked(HungUp(OwnLines(farewells=())).hears("Bye"))
    assert not is_asked(HungUp(OwnLines(farewells=("cheerybye",))).hears("Cheerybye!"))
    assert is_asked(HungUp(language="pl").hears("Bye"))


def test_a_hang_up_of_the_host_is_repeated_too() -> None:
    call = HungUp()
    call.hears("wait")
    call.talk.order(HangUp())
    over = said("Hello.", "that is all", "Fare", "wait", "Goodbye.", "bye")
    assert not is_asked(call.talk.receive(TurnRequested(3, "response", over)))

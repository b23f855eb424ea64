"""The page of a run: what is in it, where a pointer finds it, and that nothing said in a call does anything there."""

from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from rejoinder.config.tree import Mark
from rejoinder.dialogue import Utterance
from rejoinder.simulator.journal import AskedTurn, Entry, Journal, ToolSeen
from rejoinder.simulator.judging.findings import Finding, Outcome, Play, Verdict
from rejoinder.simulator.playing.target import Remote
from rejoinder.simulator.replay.past import Comparison, Contrast, Reaction
from rejoinder.simulator.reports.html import page
from rejoinder.simulator.reports.staff import WIDTH, Label, clock, labels, rows
from rejoinder.simulator.reports.timeline import timeline
from rejoinder.simulator.scenarios.scenario import Scenario

EVIL = "</script><img src=x onerror=alert(1)><svg/onload=alert(2)>\" onclick='x' &amp; {{7*7}} ${a}"
VOID = {"meta", "link", "br", "img", "input"}


class Page(HTMLParser):
    """Every element with its attributes, and every text with the elements that it stands in."""

    def __init__(self, content: bytes | str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(content if isinstance(content, str) else content.decode())
        self.close()
        assert self.open == [], "an element was never closed"

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "elements are closed in the order in which they were opened"

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def of(self, tag: str, kind: str = "") -> list[dict[str, str]]:
        """The attributes of each element of a tag, and of a class."""
        return [given for name, given in self.elements if name == tag and kind in (given.get("class", ""), "")]

    def said(self, tag: str) -> list[str]:
        return [text for where, text in self.texts if where == tag]

    @property
    def text(self) -> str:
        return "".join(text for where, text in self.texts if where != "style")


def verdict(
    outcome: Outcome = "passed", name: str = "A call", *, said: str = "Hello.", wrong: Sequence[Finding] = ()
) -> Verdict:
    turns = [
        AskedTurn(0, "begin", 0.5, chunks=[(0.75, said)], first_sentence_at=0.75, completed_at=0.75, heard=said),
        AskedTurn(1, "response", 5.0, "Hm?", chunks=[(5.5, said), (6.0, "More.")], first_sentence_at=6.0, heard="Mo", cut=True),
    ]
    entries = [
        Entry(0.0, "dialled"),
        Entry(1.0, "agent_starts", turn=0),
        Entry(2.0, "agent_stops", said, 0),
        Entry(3.0, "caller_starts"),
        Entry(4.0, "caller_stops", said),
        Entry(6.0, "agent_starts", turn=1),
        Entry(7.0, "agent_stops", "Mo", 1, cut=True),
        Entry(7.0, "discarded", "the caller cut in", 1),
        Entry(8.0, "lost", "1006"),
        Entry(8.5, "redialled", "abnormal"),
        Entry(12.5, "ended", "user_hangup"),
    ]
    journal = Journal("call_1", entries=entries, turns=turns, transcript=[Utterance("agent", said)], reason="user_hangup")
    journal.ended_by = "caller"
    found = () if outcome == "passed" else tuple(wrong) or (Finding("contains", "no 'nine'", 2.0, 0, Mark("a.yaml", 3, 9)),)
    return Verdict(Play(Scenario(name, place=Mark("a.yaml", 2, 3)), "/echo"), outcome, found, journal, took=0.25)


def test_the_overview_and_the_calls_begin_with_what_failed_and_only_that_is_open() -> None:
    told = Page(page([verdict(name="Fine"), verdict("broken", "Lost"), verdict("failed", "Bad")], 1.0))
    assert told.said("a") == ["Bad", "Lost", "Fine"]
    assert [given["href"] for given in told.of("a")] == [f"#{given['id']}" for given in told.of("details", "call")]
    assert ["open" in given for given in told.of("details", "call")] == [True, True, False]
    assert told.said("h1") == ["Simulated calls: 1 failed, 1 broken, 1 passed"]


def test_the_overview_tells_scenario_route_system_verdict_and_times() -> None:
    told = Page(page([verdict("failed", "Bad")], 1.0, systems={"/echo": "parrot"}))
    row = told.text.partition("what is wrong")[2].partition("Timelines")[0]
    assert " ".join(row.split()) == "failedBad/echo (parrot)1.00 s0:12.5contains: no 'nine'"


def test_every_finding_is_listed_with_its_time_and_place_and_stands_in_the_timeline_and_in_the_transcript() -> None:
    wrong = [
        Finding("contains", "no 'nine'", 2.0, 0, Mark("a.yaml", 3, 9)),
        Finding("silence", "4 s of silence", 6.5, 1, Mark("a.yaml", 9, 1)),
        Finding("turns_closed", "after the end", 99.0, fault="never_completed"),
        Finding("tools", "book was not called"),
    ]
    told = Page(page([verdict("failed", wrong=wrong)], 1.0))
    assert told.said("b") == ["contains", "silence", "turns_closed (never_completed)", "tools"]
    for finding in wrong:
        assert told.text.count(finding.what) >= (2 if finding.at is None else 3)  # the list, the transcript, the drawing
    assert {"a.yaml:3:9", "a.yaml:9:1"} <= {text.strip() for text in told.said("span")}
    assert [text for text in told.said("text") if text[0].isdigit() and " " in text] == [
        "1 contains",
        "2 silence",
        "3 never_completed",
    ]
    assert len(told.of("g", "wrong")) == 3


def test_a_recorded_call_stands_beside_the_new_one_and_is_open_where_it_differs() -> None:
    then, now = Reaction("We open at nine."), Reaction("We open at <b>ten</b>.")
    same = replace(verdict(name="Same"), comparison=Comparison((Contrast("hears", then, then),)))
    differs = replace(verdict(name="Differs"), comparison=Comparison((Contrast("hears", then, now),)))
    told = Page(page([same, differs], 1.0))
    assert told.said("h1") == ["Simulated calls: 1 differs, 1 same"]
    assert ["open" in given for given in told.of("details", "call")] == [True, False]
    assert (told.said("del"), told.said("ins")) == (["nine."], ["<b>ten</b>."])


def test_what_is_played_against_a_url_names_the_server() -> None:
    one = verdict()
    there = replace(one, play=replace(one.play, route=""))
    assert "wss://example.org" in Page(page([there], 1.0, systems=Remote("wss://example.org/a/secret").told)).text


def test_voices_are_drawn_when_they_were_heard_and_carry_their_words() -> None:
    told = Page(timeline(verdict()))
    (row,) = rows(12.5)
    bars = {kind: told.of("rect")[place] for place, kind in enumerate(["after", "caller", "agent", "agent cut"])}
    for kind, begin, end in (("caller", 3.0, 4.0), ("agent", 1.0, 2.0), ("agent cut", 6.0, 7.0)):
        assert float(bars[kind]["x"]) == pytest.approx(row.x(begin), abs=0.1)
        assert float(bars[kind]["width"]) == pytest.approx(row.scale * (end - begin), abs=0.1)
    assert "0:03.0 to 0:04.0, caller: Hello." in told.said("title")
    assert "0:06.0 to 0:07.0, agent (cut off): Mo" in told.said("title")
    assert float(bars["after"]["x"]) == pytest.approx(row.x(12.5), abs=0.1)
    assert len(told.of("path", "edge")) == 1


def test_a_turn_shows_its_request_its_wait_its_chunks_and_how_it_ended() -> None:
    told = Page(timeline(verdict()))
    assert [len(told.of(*kind)) for kind in (("path", "asked"), ("path", "wait"), ("circle", "completed"))] == [2, 2, 1]
    assert [given["d"].count("M") for given in told.of("path", "chunks")] == [1, 2]
    assert "turn 1, asked for at 0:05.0, first sentence after 1.00 s, 2 chunks, never complete" in told.said("title")


def test_barge_ins_lost_connections_redials_tools_actions_and_lines_of_deadlines_have_their_words() -> None:
    one = verdict()
    one.journal.turns[1].chunks.insert(0, (5.2, "One moment, please. "))
    one.journal.turns[1].tools.append(ToolSeen("t", "book", '{"at": 8}', 5.3, "done", 5.9, successful=True))
    one.journal.entries[-1:-1] = [Entry(9.0, "digits", "1#", 1), Entry(9.1, "discarded", "transfer: the caller cut in", 1)]
    told = Page(timeline(one))
    words = ["dials", "filler", "tool book", "barge-in", "connection lost", "dials again", "presses 1#", "thrown away", "ends"]
    assert [text for text in told.said("text") if text in words] == words
    assert '0:05.3 book({"at": 8}), 0.60 s: done' in told.said("title")


def test_what_happens_often_in_one_place_is_counted() -> None:
    one = verdict()
    one.journal.entries[3:3] = [Entry(2.5, "dropped", "no turn 9 was asked for")] * 500
    assert [text for text in Page(timeline(one)).said("text") if "dropped" in text] == ["frame dropped \u00d7500"]


def test_words_stand_below_one_another_where_they_would_lie_over_one_another() -> None:
    (row,) = rows(10.0)
    found = [Label(at, word, word) for at, word in ((1.0, "dials"), (1.1, "fault"), (9.0, "ends"))]
    drawn, height = labels(row, found, 100.0, line=10.0)
    assert [float(given["y"]) for given in Page(drawn).of("text")] == [109.0, 119.0, 109.0]
    assert height == 20.0


def test_a_word_at_the_end_of_a_row_stands_before_its_moment() -> None:
    (row,) = rows(10.0)
    (told,) = Page(labels(row, [Label(9.99, "connection lost", "")], 100.0)[0]).of("text")
    assert float(told["x"]) < WIDTH - 80


def test_nothing_that_was_said_does_anything() -> None:
    wrong = [Finding(EVIL, EVIL, 2.0, 0, Mark(EVIL, 3, 9))]
    one = verdict("failed", EVIL, said=EVIL, wrong=wrong)
    one.journal.turns[1].tools.append(ToolSeen(EVIL, EVIL, EVIL, 5.3))
    one.journal.entries[-1:] = [Entry(12.0, "fault", EVIL), Entry(12.2, "digits", EVIL), Entry(12.5, "ended", EVIL)]
    told = Page(page([one], 1.0, systems={"/echo": EVIL}))
    assert not {"script", "img", "iframe", "object", "link", "use", "image"} & {tag for tag, _ in told.elements}
    for _, given in told.elements:
        assert not [name for name in given if name.startswith("on") or name == "src"]
        assert given.get("href", "#").startswith("#")
    assert told.text.count("<img src=x onerror=alert(1)>") > 10
    (policy,) = [given["content"] for given in told.of("meta") if "http-equiv" in given]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_the_page_needs_no_network() -> None:
    written = page([verdict("failed")], 1.0).decode()
    assert [one for one in ("url(", "@import", "http:", "https:", "src=") if one in written] == []


@pytest.mark.parametrize("said", ["\x00\x1b[2J", "\ud800", "\uffff", "\u202egnp", "\x85"])
def test_what_no_page_can_hold_is_replaced(said: str) -> None:
    assert "a\N{REPLACEMENT CHARACTER}" in Page(page([verdict(said=f"a{said}")], 1.0)).text


def test_every_drawing_says_what_it_is_and_every_table_has_heads() -> None:
    told = Page(page([verdict("failed")], 1.0))
    drawings = [given for given in told.of("svg") if given.get("role") == "img"]
    assert [given["aria-label"] for given in drawings] == [
        "Timeline from 0:00.0 to 0:12.5; the transcript below tells the same"
    ]
    assert all("scope" in given for given in told.of("th"))
    assert told.of("html") == [{"lang": "en"}]


def test_a_long_call_is_drawn_in_rows_and_an_endless_answer_in_one_place_once() -> None:
    one = verdict()
    one.journal.turns[1].chunks = [(5.0 + 0.001 * count, "x") for count in range(100_000)]
    one.journal.turns[1].completed_at = 105.0
    one.journal.entries.append(Entry(600.0, "ended"))
    told = Page(timeline(one))
    assert len(rows(600.0)) == len([given for given in told.of("svg") if given.get("role")]) == 20
    assert 900 < sum(given["d"].count("M") for given in told.of("path", "chunks")) < 40_000
    assert len(rows(600.0000001)) == 20
    assert [len(rows(seconds)) for seconds in (0.0, 12.5, 25.0, 3600.0)] == [1, 1, 1, 60]


def test_two_hundred_calls_fit_into_one_page() -> None:
    assert len(page([verdict("failed", f"Call {number}") for number in range(200)], 1.0)) < 2_000_000


def test_a_run_without_a_play_and_a_call_that_never_was_are_told() -> None:
    assert Page(page([], 0.0)).said("h1") == ["Simulated calls: nothing was played"]
    never = Verdict(Play(Scenario("Never")), "broken", (Finding("played", "nobody takes the call"),))
    told = Page(page([never], 0.0))
    assert "nobody takes the call" in told.text
    assert told.of("div", "timeline scrolls") == []


def test_times_are_read_as_on_a_clock() -> None:
    assert [clock(at) for at in (0.0, 9.96, 65.23, 600.0)] == ["0:00.0", "0:10.0", "1:05.2", "10:00.0"]

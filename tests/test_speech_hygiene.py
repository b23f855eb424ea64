"""What a voice would read aloud is left out, everything else stays, wherever the chunks of a text are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder.dialogue import EndCall, Output, Say, ToolCalled, TransferCall
from rejoinder.hygiene import Cleaner, CleanReply, cleaned
from rejoinder.speech import is_speakable

#: The longest that may be held back of what a voice could say: a link's text in its brackets.
LONGEST = 70


def pieces_of(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def streamed(chunks: list[str]) -> str:
    cleaner = Cleaner()
    return "".join(map(cleaner.clean, chunks)) + cleaner.finish()


CLEAN = {
    "emphasis": ("**Bold**, *soft* and ***both***.", "Bold, soft and both."),
    "emphasis within a word": ("**Haupt**straße, Haupt**straße**", "Hauptstraße, Hauptstraße"),
    "emphasis without spaces around": ("这是**重点**内容", "这是重点内容"),
    "emphasis around a label": ("**Price:** 12", "Price: 12"),
    "emphasis with spaces inside": ("so ** bold ** now", "so bold now"),
    "emphasis in emphasis": ("**a _b_ c** and _d *e*_", "a b c and d e"),
    "emphasis that never ends": ("**Bold and on", "Bold and on"),
    "underscores": ("__Strong__ and (_soft_).", "Strong and (soft)."),
    "strikethrough": ("~~12~~ 10 euros", "12 10 euros"),
    "heading": ("# Menu\n## Drinks ##\nTea", "Menu Drinks Tea"),
    "underlined heading": ("Menu\n====\nTea\n---\nMilk", "Menu Tea Milk"),
    "list": ("We have:\n- tea\n* milk\n+ juice\n  • water", "We have: tea milk juice water"),
    "numbered list": ("Two:\n1. tea\n2) milk\n\n3. more", "Two: tea milk more"),
    "numbered list, all ones": ("1. tea\n1. milk", "tea milk"),
    "tasks": ("- [ ] call\n- [x] wait", "call wait"),
    "quote": ("> He said\n>> no\n>yes", "He said no yes"),
    "rule": ("One.\n\n---\n***\n* * *\n___\nTwo.", "One. Two."),
    "code": ("Say `help` or ``a`b``.", "Say help or ab."),
    "code keeps its own marks": ("Type `**x**` and `a_b`.", "Type **x** and a_b."),
    "fence": ("Run:\n```python\nx = 1\n```\nDone.", "Run: x = 1 Done."),
    "fence in a line": ("Run ```x = 1``` now", "Run x = 1 now"),
    "link": ("See [our menu](https://a.b/c_(d)?e=*f*) today.", "See our menu today."),
    "link with a title": ('See [menu](/m "The new one") ok', "See menu ok"),
    "link whose title ends nothing": ('[Menu](see "The Grill" for it)', "Menu for it)"),
    "link with a full-width bracket": ("[菜单](https://a.b/c）请看。", "菜单）请看。"),
    "link with a long text": (f"[{'long ' * 20}text](https://a.b/c) ok", f"[{'long ' * 20}text ok"),
    "link in emphasis": ("**[Menu](/m)**!", "Menu!"),
    "link whose target is none": ("[Menu](see below)", "Menu below)"),
    "image": ("Look:\n![The terrace](t.png) nice", "Look: The terrace nice"),
    "table": (
        "| Day | Open |\n|-----|:---:|\n| Monday | 9 to 5. |\n| **Friday** | closed |\n\nAnything else?",
        "Day, Open, Monday, 9 to 5. Friday, closed Anything else?",
    ),
    "table without borders": ("Day | Open\n--- | ---\nMonday | 9", "Day Open Monday 9"),
    "escapes": (r"\*not bold\* and 1\. and a \_", "*not bold* and 1. and a _"),
    "hard break": ("One\\\ntwo \nthree", "One two three"),
    "line breaks": ("One.\nTwo.\r\n\r\nThree\u2028four", "One. Two. Three four"),
    "line breaks around all": ("\n\n Hello.\n", "Hello. "),
    "emoji": ("Great 🎉 see you! 👋🏽", "Great see you! "),
    "emoji first": ("✅ Done", "Done"),
    "emoji between words": ("Hi👋there!😊How", "Hi there! How"),
    "emoji before a mark": ("Pizza🍕, pasta", "Pizza, pasta"),
    "joined emoji": ("👨‍👩‍👧‍👦 and ❤️‍🔥 and 🏴‍☠️.", "and and ."),
    "flags": ("From 🇩🇪 to 🏴󠁧󠁢󠁥󠁮󠁧󠁿 now", "From to now"),
    "keycaps": ("Press 1️⃣2️⃣ or *️⃣ or #️⃣", "Press 1 2 or * or #"),
    "text that is shown as emoji": ("ℹ️ Acme™ ©️ ↔️ ok", "Acme™ ok"),
    "emoji between scripts without spaces": ("你好👋我是", "你好我是"),
}

UNTOUCHED = [
    "Hello, how can I help you today?",
    "It's 3.50 €, $1,299.00 or 5% -- not 2*3, 2 * 3, 2**8 or x**2.",
    "Dial *67, then *#06# or press * or # (or *).",
    'Press "*" now.',
    "Write to jane_doe-x@mail.example.org, _jd_@example.org or a.b+c@d.co",
    "snake_case, C#, F#, #1, C++, R&D, AT&T, ~5 minutes, f(x) = y",
    "Room 12, at 12:30 on 2026-11-22, call +44 20 7946 0000.",
    "Wait - I mean – no — yes… well... “so” it 'is' don`t",
    "[laughs] See [1] and (2).",
    "https://example.org/a_b/_c/?d=e&f=~g#h",
    "Größe, niño, cœur, ação, Łódź, İstanbul, Ёлка, 서울에서, شكراً، عربي، हिंदी में, ไทยภาษา, 日本語。",
    "C♯ minor, ½, ①, ❶, →, ×, °C, №, ™, ®, ²",
    "क्‍ष and می‌خواهم",
    "  spaces  stay\tand\u00a0stay  ",
    "12. Anything else?",
    "7) and 8)",
    "3. 1. 4. 1. 5.",
    "1. 2. 3. go!",
    "5",
    "1.",
    "-5 degrees, >5, >=6",
    "#hashtag",
    "a/b, a\\b, C:\\dir, {x}, <b>, 1 < 2, a=b, a|b, a||b",
    "The price is 5* a night.",
]


@pytest.mark.failure(28)
@pytest.mark.parametrize("text", CLEAN.values(), ids=CLEAN)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_marks_never_reach_the_voice(text: tuple[str, str], size: int) -> None:
    written, spoken = text
    assert streamed(pieces_of(written, size)) == spoken


@pytest.mark.failure(28)
@pytest.mark.parametrize("text", UNTOUCHED)
@pytest.mark.parametrize("size", [1, 4, 1000])
def test_what_is_no_mark_stays_as_it_is(text: str, size: int) -> None:
    assert streamed(pieces_of(text, size)) == text


@pytest.mark.parametrize(
    ("digits", "spoken"),
    [
        ("The digits are:\n7. three\n9. two", "The digits are: 7. three 9. two"),
        ("On the\n24. we close", "On the 24. we close"),
        ("1. tea\n3. milk\n2. juice", "tea 3. milk juice"),
    ],
)
def test_a_number_that_no_list_counts_up_to_is_the_callers(digits: str, spoken: str) -> None:
    assert cleaned(digits) == spoken


marks = st.sampled_from(list('*_~`[]()|\\#=!:.@"7👋🇩\u200d\ufe0f\u20e3™❤ \t\n\u2028')) | st.sampled_from(
    ["**", "__", "~~", "```", "](", "---", "*️⃣", "\r\n", "- ", "1. ", "2. ", "> ", "- [x] "]
)
words = st.sampled_from(["a", "word", "12", "é", "你好", "ครับ", "हिं", "x_y", "2*3"])
written = st.lists(marks | words | st.characters(), max_size=24).map("".join)


@given(written, st.data())
def test_chunks_of_a_text_give_what_the_whole_gives(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    chunks = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert streamed(chunks) == streamed(list(text)) == cleaned(text)


@given(written)
def test_little_is_held_back_of_what_a_voice_could_say(text: str) -> None:
    cleaner, rest = Cleaner(), cleaned(text)
    for position, character in enumerate(text, 1):
        rest = rest.removeprefix(cleaner.clean(character))
        held = cleaned(text[:position])[len(cleaned(text)) - len(rest) :]
        assert len(held) <= LONGEST or not is_speakable(held)
    assert cleaner.finish() == rest


plain = st.characters(categories=["L", "M", "N"]) | st.sampled_from(" ,.;:?!'’\"()-–—…¿¡@&%€$+/=<>{}^·。、！？«»“”\u00a0")
DRESSED = set("ℹⓂ㊗㊙")  # letters that a variation selector makes pictures


@given(st.lists(st.text(plain.filter(lambda one: one not in DRESSED and one not in "\ufe0e\ufe0f\u20e3"), max_size=12)))
def test_text_without_marks_passes_at_once(chunks: list[str]) -> None:
    cleaner = Cleaner()
    assert cleaner.clean("So") == "So"
    assert [cleaner.clean(chunk) for chunk in chunks] == chunks
    assert cleaner.finish() == ""


@given(written.map(lambda text: text.replace("(", "").replace("\u20e3", "")))
def test_every_letter_and_digit_is_spoken_unless_it_counts_a_list_or_leads_somewhere(text: str) -> None:
    one_line = "So " + " ".join(text.split())
    for character in "\v\f\x85\u2028\u2029":
        one_line = one_line.replace(character, " ")
    said = [character for character in cleaned(one_line) if character.isalnum()]
    expected = [character for character in one_line if character.isalnum()]
    assert said == [character for character in expected if character not in DRESSED] or DRESSED & set(one_line)


WRAPS = [
    "{}",
    "**{}**",
    "*{}*",
    "***{}***",
    "__{}__",
    "_{}_",
    "`{}`",
    "~~{}~~",
    "[{}](https://x.y/z_*)",
    "{} 🎉",
    "**[{}](/a)**",
]
LINES = [
    "{}",
    "# {}",
    "### {} ###",
    "- {}",
    "* {}",
    "> {}",
    "| {} |",
    "• {}",
    "- [ ] {}",
    "> - **{}**",
    "✅ {}",
    "{}\n---",
    "```\n{}\n```",
]
spoken_words = st.lists(st.sampled_from(["tea", "Łódź", "9:30", "don't", "3.50", "日本"]), min_size=1, max_size=4)


@given(
    st.lists(st.tuples(spoken_words, st.sampled_from(WRAPS), st.sampled_from(LINES)), min_size=1, max_size=5), st.integers(1, 9)
)
def test_markdown_in_any_dress_says_its_words_with_one_space(lines: list[tuple[list[str], str, str]], size: int) -> None:
    text = "\n".join(line.format(wrap.format(" ".join(words))) for words, wrap, line in lines)
    spoken = streamed(pieces_of(text, size)).replace(",", "")
    assert spoken.rstrip() == " ".join(" ".join(words) for words, _, _ in lines) or "*3.50" in text or "*9:30" in text


@pytest.mark.parametrize(
    "mark", ["*", "_", "[", "`", "|", "-", "#", "~", "\\", "1. ", "[a](", "[a](b ", "\n", " ", "👋", "™", "(", "_a"]
)
def test_a_flood_of_one_mark_holds_nothing_for_long(mark: str) -> None:
    cleaner = Cleaner()
    for character in mark * 3000:
        cleaner.clean(character)
    assert len(cleaner.finish()) <= 200


def test_a_sentence_goes_out_when_it_ends() -> None:
    cleaner = Cleaner()
    assert [cleaner.clean(chunk) for chunk in ["**Sure.**", " One", "!", " Two.\n", "\n", "- Three?"]] == [
        "Sure.",  # what stands behind the stars decides what they are
        " One",
        "!",
        " Two. ",
        "",
        "Three?",
    ]


def outputs_of(*given: Output) -> list[Output]:
    reply = CleanReply()
    return [out for output in given for out in reply.clean(output)] + list(reply.finish())


def test_a_reply_is_cleaned_and_its_notes_are_left_alone() -> None:
    note = ToolCalled("1", "**book**", {"what": "*"})
    assert outputs_of("**Hel", "lo** `x", note, "`") == ["Hel", "lo x", note]


def test_a_wish_stays_with_its_words() -> None:
    held = outputs_of(Say("**Wait", uninterruptible=True), Say(" now ™", uninterruptible=True))
    assert held == [Say("Wait", True), Say(" now ", True), Say("™", True)]


def test_what_was_held_back_goes_out_before_an_action() -> None:
    assert outputs_of("Bye 5*", EndCall()) == ["Bye 5", "*", EndCall()]
    assert outputs_of(TransferCall("desk")) == [TransferCall("desk")]


@pytest.mark.parametrize("before", ["Hello. ", "Hello *"])
def test_what_goes_on_behind_an_action_that_was_refused_is_cleaned_as_before(before: str) -> None:
    said = "".join(str(output) for output in outputs_of(before, EndCall(), "Say *", "this* now") if isinstance(output, str))
    assert said.endswith("Say this now")


def test_silence_is_chosen_by_an_empty_text_alone() -> None:
    assert outputs_of("", Say("")) == ["", Say("")]
    assert outputs_of("👋", Say("\n"), "**") == []


def test_a_text_of_a_wrong_type_is_left_to_the_engine() -> None:
    wrong = Say(7)  # type: ignore[arg-type]
    assert outputs_of(wrong) == [wrong]

"""Who guesses gets cheap answers and few lines of the log, and no more memory than a table has."""

from rejoinder.knocks import MOST_ADDRESSES, MOST_LINES, MOST_REFUSED, WINDOW, Knocks


class House:
    """The table with a clock and a log of its own."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.lines: list[str] = []
        self.knocks = Knocks(lambda: self.now, self.lines.append)

    def refused(self, address: str = "203.0.113.9", *, counts: bool = True) -> bool:
        return self.knocks.refused(address, "wrong", counts=counts)


def test_a_burst_from_one_address_is_two_lines() -> None:
    house = House()
    answers = [house.refused() for _ in range(1000)]
    assert answers == [False] * MOST_REFUSED + [True] * (1000 - MOST_REFUSED)
    assert house.lines == [
        "a handshake from 203.0.113.9 was refused: wrong",
        "more than 20 handshakes from 203.0.113.9 were refused within 60 s, the last: wrong",
    ]


def test_another_address_is_counted_apart() -> None:
    house = House()
    for _ in range(MOST_REFUSED):
        house.refused()
    assert not house.refused("203.0.113.10")
    assert house.refused()


def test_after_a_minute_it_begins_anew() -> None:
    house = House()
    for _ in range(MOST_REFUSED + 5):
        house.refused()
    house.now += WINDOW
    assert not house.refused()
    assert len(house.lines) == 3


def test_what_does_not_count_is_never_too_much_but_logged_as_rarely() -> None:
    house = House()
    assert not any(house.refused(counts=False) for _ in range(1000))
    assert len(house.lines) == 2


def test_the_table_does_not_grow_with_its_addresses() -> None:
    house = House()
    for number in range(3 * MOST_ADDRESSES):
        house.refused(str(number))
    assert len(house.knocks) == MOST_ADDRESSES
    assert len(house.lines) == MOST_LINES
    assert house.lines[-1] == "handshakes from many addresses are refused; no more of them are told for 60 s"


def test_who_goes_on_is_not_forgotten_before_those_who_stopped() -> None:
    house = House()
    for number in range(2 * MOST_ADDRESSES):
        house.refused(str(number))
        house.refused()
    assert house.refused()

"""The line: first come first served, places never given out twice, its bound, leaving anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictwire.engine.line import Line, LineFull, Ticket


def standing(tickets: list[Ticket]) -> list[int]:
    return [ticket.place for ticket in tickets]


def test_places_are_given_until_they_are_taken_and_then_there_is_a_line() -> None:
    line = Line(places=2, bound=10)
    tickets = [line.join(1) for _ in range(5)]
    assert standing(tickets) == [0, 0, 1, 2, 3]
    assert (line.busy, line.waiting) == (2, 3)


def test_who_leaves_makes_room_for_the_first_and_all_move_up() -> None:
    line = Line(places=2, bound=10)
    tickets = [line.join(1) for _ in range(5)]
    assert line.leave(tickets[1]) == tickets[2:]
    assert standing(tickets[2:]) == [0, 1, 2]


def test_who_steps_out_of_the_line_moves_only_those_behind() -> None:
    line = Line(places=1, bound=10)
    tickets = [line.join(1) for _ in range(5)]
    assert line.leave(tickets[2]) == tickets[3:]
    assert standing(tickets) == [0, 1, 2, 2, 3]


def test_a_wide_one_at_the_head_holds_back_narrow_ones() -> None:
    line = Line(places=3, bound=10)
    first, second = line.join(1), line.join(1)
    wide, narrow = line.join(3), line.join(1)
    # One place is free, and the narrow one could have it; then the wide one might never come.
    assert standing([wide, narrow]) == [1, 2]
    assert line.leave(first) == []
    assert line.leave(second) == [wide, narrow]
    assert standing([wide, narrow]) == [0, 1]
    assert line.busy == 3


def test_a_wide_one_that_gives_up_lets_the_narrow_ones_in() -> None:
    line = Line(places=3, bound=10)
    line.join(2)
    wide, narrow, other = line.join(2), line.join(1), line.join(1)
    assert line.leave(wide) == [narrow, other]
    assert standing([narrow, other]) == [0, 1]


def test_several_come_in_at_once_where_a_wide_one_left() -> None:
    line = Line(places=2, bound=10)
    wide = line.join(2)
    narrow = [line.join(1) for _ in range(3)]
    assert line.leave(wide) == narrow
    assert standing(narrow) == [0, 0, 1]


def test_the_line_is_as_long_as_it_may_be() -> None:
    line = Line(places=1, bound=2)
    holder = line.join(1)
    line.join(1)
    line.join(1)
    with pytest.raises(LineFull):
        line.join(1)
    line.leave(holder)
    line.join(1)


def test_no_line_at_all() -> None:
    line = Line(places=1, bound=0)
    holder = line.join(1)
    with pytest.raises(LineFull):
        line.join(1)
    line.leave(holder)
    assert line.join(1).place == 0


@pytest.mark.parametrize("wants", [0, -1, 3])
def test_what_no_line_can_give(wants: int) -> None:
    with pytest.raises(ValueError):
        Line(places=2, bound=10).join(wants)


def test_leaving_twice_is_leaving_once() -> None:
    line = Line(places=1, bound=10)
    holder, waiting, last = line.join(1), line.join(1), line.join(1)
    line.leave(holder)
    assert line.leave(holder) == []
    assert standing([waiting, last]) == [0, 1]
    assert line.busy == 1


@pytest.mark.properties
@given(st.data())
def test_whatever_comes_and_goes(data: st.DataObject) -> None:
    places = data.draw(st.integers(1, 5))
    bound = data.draw(st.integers(0, 6))
    line = Line(places, bound)
    came: list[Ticket] = []  # all that are in, by arrival
    for _ in range(data.draw(st.integers(0, 40))):
        before = {ticket: ticket.place for ticket in came}
        if came and data.draw(st.booleans()):
            gone = came.pop(data.draw(st.integers(0, len(came) - 1)))
            moved = line.leave(gone)
            changed = [ticket for ticket in came if ticket.place != before[ticket]]
            assert sorted(map(id, moved)) == sorted(map(id, changed))
        else:
            try:
                came.append(line.join(data.draw(st.integers(1, places))))
            except LineFull:
                assert line.waiting == bound
        holding = [ticket for ticket in came if not ticket.place]
        waiting = [ticket for ticket in came if ticket.place]
        assert line.busy == sum(ticket.wants for ticket in holding) <= places
        assert line.waiting == len(waiting) <= bound
        assert [ticket.place for ticket in waiting] == list(range(1, len(waiting) + 1))
        # First come, first served: nobody waits who came before one that was let in by now.
        assert came == holding + waiting
        assert not waiting or line.busy + waiting[0].wants > places

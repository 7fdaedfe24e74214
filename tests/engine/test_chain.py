"""Names of a chain: what order, anchors and the network say, and what they leave open."""

from __future__ import annotations

import numpy as np

from spinalsam.engine.chain import LEVELS, Link, name_chain

L1, L5, L6 = 20, 24, 25


def opinion(value: float, width: float = 2.0) -> np.ndarray:
    """A network that thinks of a level, and how far off it may be."""
    near = -np.abs(np.arange(1, LEVELS + 1) - value) / width
    return near - np.log(np.exp(near).sum())


def spine(first: int, last: int, *, off: float = 0.0, width: float = 2.0) -> list[Link]:
    """Vertebrae below each other; the network's opinion is `off` levels wrong."""
    return [Link(np.array([0.0, 0.0, -30.0 * value]), 0.9, opinion(value + off, width)) for value in range(first, last + 1)]


def test_the_sacrum_below_names_the_lumbar_spine_though_the_network_is_two_levels_off() -> None:
    chain = spine(L1, L5, off=-2.0, width=4.0)
    naming = name_chain(chain, [0] * 4, sacrum_below=0)
    assert naming.values == (20, 21, 22, 23, 24)
    assert min(naming.certainty) > 0.7


def test_without_an_anchor_the_doubt_is_said() -> None:
    naming = name_chain(spine(12, 16, width=6.0), [0] * 4)
    assert max(naming.certainty) < 0.5
    assert naming.others and all(len(values) == 5 for values, _ in naming.others)


def test_one_vertebra_that_is_named_names_all() -> None:
    naming = name_chain(spine(12, 16, off=2.0), [0] * 4, named={2: 13})
    assert naming.values == (11, 12, 13, 14, 15)
    assert min(naming.certainty) > 0.95


def test_a_gap_counts_in_the_names() -> None:
    chain = spine(18, 23)
    del chain[2]
    naming = name_chain(chain, [0, 1, 0, 0], sacrum_below=1, named={0: 18})
    assert naming.values == (18, 19, 21, 22, 23)


def test_six_lumbar_vertebrae_are_found_where_the_network_sees_the_last_rib() -> None:
    chain = spine(17, L6, width=0.2)
    naming = name_chain(chain, [0] * 8, sacrum_below=0)
    assert naming.values[-1] == L6 and naming.values[3] == L1


def test_l6_stays_a_reading_where_the_network_is_unsure() -> None:
    naming = name_chain(spine(L1, L5, off=0.6, width=1.5), [0] * 4, sacrum_below=0)
    assert naming.values[-1] == L5
    assert any(values[-1] == L6 for values, _ in naming.others) or min(naming.certainty) > 0.9


def turning(shares: list[tuple[float, float]]) -> list[Link]:
    """Links of which the network says how much they are neck and how much chest, and no more."""
    links = []
    for neck, chest in shares:
        levels = np.full(LEVELS, 0.001)
        levels[:7], levels[7:19] = neck / 7, chest / 12
        links.append(Link(np.zeros(3), 0.9, np.log(levels / levels.sum())))
    return links


NECK_AND_CHEST = [(0.9, 0.01), (0.9, 0.01), (0.9, 0.02), (0.8, 0.06), (0.08, 0.8), (0.02, 0.9), (0.005, 0.9), (0.005, 0.9)]


def test_where_the_neck_turns_into_the_chest_tells_the_levels() -> None:
    naming = name_chain(turning(NECK_AND_CHEST), [0] * 7)
    assert naming.values == (4, 5, 6, 7, 8, 9, 10, 11)
    assert min(naming.certainty) > 0.6


def test_a_column_that_runs_on_into_the_skull_begins_with_no_vertebra() -> None:
    # Where the shipped network places the links of a real neck whose column runs on into the skull.
    places = (1.9, 2.0, 2.6, 3.1, 3.9, 4.9, 6.0, 6.7, 7.5, 8.4, 9.3, 10.9)
    chances = [np.exp(-np.abs(np.arange(1, LEVELS + 1) - place) / 0.8) for place in places]
    naming = name_chain([Link(np.zeros(3), 0.9, np.log(one / one.sum())) for one in chances], [0] * 11)
    assert naming.skull == 1 and naming.values == tuple(range(1, 12))


def test_a_sacrum_leaves_a_sixth_lumbar_vertebra_open() -> None:
    naming = name_chain(spine(21, 24, width=8.0), [0] * 3, sacrum_below=0, sacrum_sure=0.97)
    assert naming.values == (21, 22, 23, 24)
    assert any(reading[-1] == 25 for reading, _ in naming.others)

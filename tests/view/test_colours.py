"""Classes of plans: what is not reached has a colour and a name of its own."""

import numpy as np
import pytest

from cimkit.view.lists import SUNLIGHT, WALK, say


def test_classes__unreached_is_a_class_of_its_own():
    assert WALK.which([0.0, 19.9, 20.0, 1e12, np.inf, np.nan]).tolist() == [0, 4, 5, 5, 6, -1]
    assert len({*WALK.colours, WALK.missing}) == 8
    assert [row[1] for row in WALK.legend()][-2:] == ["≥ 20 min", "not reached"]


def test_classes__the_limit_is_marked():
    assert sum("◂ 限值" in chinese for _, _, chinese in SUNLIGHT.legend()) == 1


@pytest.mark.parametrize(
    ("english", "chinese", "both"),
    [
        ("2–3 h ◂ limit", "2–3 h ◂ 限值", "2–3 h ◂ 限值 limit"),
        ("sun", "日照", "日照 sun"),
        ("≥ 6 h", "≥ 6 h", "≥ 6 h"),
        ("less sun", "less 日照", "less 日照 sun"),
    ],
)
def test_say__words_that_begin_both_stand_once(english: str, chinese: str, both: str) -> None:
    assert say("zh-en", english, chinese) == both
    assert (say("en", english, chinese), say("zh", english, chinese)) == (english, chinese)

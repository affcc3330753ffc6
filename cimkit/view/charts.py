"""Results without a place, as bars: the indicators of a self-assessment by scene, the scores of a survey."""

from __future__ import annotations

from typing import Any

import numpy as np

from cimkit.view.colours import INK, STATES
from cimkit.view.fonts import drawing

CHARTS = ("Assessment", "Satisfaction")


def plot_chart(result: Any, *, ax: Any = None, lang: str = "en") -> Any:
    """Draw an assessment or a survey as bars; return the axes."""
    with drawing(ax, lang, (8.0, 4.6)) as (ax, lang):  # noqa: PLR1704
        chinese = lang == "zh"
        frame = result.to_frame()
        title = _by_scene(ax, frame, chinese) if "state" in frame else _by_question(ax, frame, chinese)
        ax.invert_yaxis()
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(left=False)
        ax.set_title(title, fontsize=9.5, color=INK, loc="left")
        return ax


def _by_scene(ax: Any, frame: Any, chinese: bool) -> str:
    """Draw how many indicators of each scene are in each state."""
    scene, state = ("scene", "state_zh") if chinese else ("scene_en", "state")
    scenes = list(dict.fromkeys(frame[scene]))
    left = np.zeros(len(scenes))
    for name, colour in STATES.items():
        here = frame[frame["state"] == name]
        count = np.array([(here[scene] == s).sum() for s in scenes])
        if count.any():
            ax.barh(scenes, count, left=left, color=colour, label=here[state].iloc[0], height=0.62)
        left += count
    ax.legend(frameon=False, fontsize=8, loc="lower right")
    return "场景指标" if chinese else "Indicators of each scene by state"


def _by_question(ax: Any, frame: Any, chinese: bool) -> str:
    """Draw the score of each question with its interval."""
    names = frame["text_zh" if chinese else "text"].where(lambda t: t != "", frame["question"])
    score = frame["score"].fillna(0.0)
    ends = np.nan_to_num(np.abs(frame[["low", "high"]].to_numpy().T - score.to_numpy()))
    bars = [f"{n[:48]} ({c})" for n, c in zip(names, frame["answers"], strict=True)]
    ax.barh(bars, score, xerr=ends, color="#57809d", ecolor=INK, height=0.62)
    ax.set_xlim(0, 100)
    return "满意度得分与置信区间（答卷数）" if chinese else "Scores of 100 with their interval (answers)"

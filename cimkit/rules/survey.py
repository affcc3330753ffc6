"""The satisfaction survey: questions, answers from a table, scores with sample size and confidence interval."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cimkit.arrays import FloatArray, IntArray
from cimkit.errors import InputError
from cimkit.model.drawn import Drawn


@dataclass(frozen=True)
class Question:
    """One question, answered on a scale from 1 to ``steps``, the last being the best."""

    id: str
    text: str
    text_zh: str = ""
    scene: str = ""


@dataclass(frozen=True)
class Questionnaire:
    """Questions, and what it takes to score them.

    Parameters
    ----------
    questions
        The questions.
    steps
        Answers go from 1 to this.
    min_sample
        Fewer answers are not scored; our own default, no standard gives one (mark M).
    confidence
        Of the intervals.
    residents
        Number of people asked from, 0 unknown; a large sample of few people is surer.
    """

    questions: tuple[Question, ...]
    steps: int = 5
    min_sample: int = 30
    confidence: float = 0.95
    residents: int = 0


@dataclass(frozen=True, repr=False)
class Satisfaction(Drawn):
    """Scores of q questions, from 0 (all worst) to 100 (all best).

    Parameters
    ----------
    questionnaire
        What was asked.
    count
        Answers to each question, shape (q).
    score, low, high
        Mean and the ends of its confidence interval, nan where there are too few answers, shape (q).
    """

    questionnaire: Questionnaire
    count: IntArray
    score: FloatArray
    low: FloatArray
    high: FloatArray

    @property
    def total(self) -> float:
        """Mean of the questions' scores, nan if one of them has too few answers."""
        return float(self.score.mean()) if len(self.score) else float("nan")

    def __repr__(self) -> str:
        few = int(np.isnan(self.score).sum())
        said = f"not scored, {few} questions have too few answers" if few else f"{self.total:.1f} of 100"
        return f"<Satisfaction over {len(self.score)} questions: {said}>"

    def columns(self) -> dict[str, Any]:
        """Return what was asked and how it scores, one row a question."""
        q, names = self.questionnaire, {"question": "id", "scene": "scene", "text": "text", "text_zh": "text_zh"}
        asked = {name: [getattr(one, of) for one in q.questions] for name, of in names.items()}
        few = [f"too few answers: {n} of {q.min_sample}" if n < q.min_sample else "" for n in self.count]
        scored = {"answers": self.count, "score": self.score, "low": self.low, "high": self.high}
        return asked | scored | {"note": few}


def satisfaction(responses: Any, questionnaire: Questionnaire) -> Satisfaction:
    """Score a survey.

    The mean answer is put on 0 to 100. The interval is Student's, with the correction for a
    finite number of residents where that is known; it is cut at 0 and 100.

    Parameters
    ----------
    responses
        DataFrame, one row a person, one column a question's id; empty where not answered.
    questionnaire
        What was asked.

    Returns
    -------
    Satisfaction
        Questions with fewer answers than ``min_sample`` have no score.

    Raises
    ------
    InputError
        If a column is missing or an answer is off the scale.

    Examples
    --------
    >>> import pandas as pd
    >>> asked = Questionnaire((Question("q1", "Are you content?"),), min_sample=2)
    >>> satisfaction(pd.DataFrame({"q1": [5, 4, 3]}), asked)
    <Satisfaction over 1 questions: 75.0 of 100>
    """
    import pandas as pd

    q, columns = questionnaire, []
    for one in q.questions:
        if one.id not in responses:
            raise InputError(f"responses: there must be a column for each question; {one.id!r} is missing. Add it.")
        texts = responses[one.id]
        given = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64)
        blank = (texts.isna() | (texts.astype(str).str.strip() == "")).to_numpy()
        wrong = np.flatnonzero(~blank & ~((given >= 1) & (given <= q.steps) & (given == np.round(given))))
        if len(wrong):
            row, wanted = int(wrong[0]), f"whole numbers from 1 to {q.steps} or empty"
            where = f"responses, row {row + 1}, question {one.id!r}"
            raise InputError(f"{where}: answers must be {wanted}; got {texts.iloc[row]!r}.")
        columns.append(100.0 * (given[~blank] - 1.0) / (q.steps - 1.0))
    scored = np.array([_interval(c, q) for c in columns]).reshape(-1, 3)
    return Satisfaction(q, np.array([len(c) for c in columns], dtype=np.int64), *scored.T)


def _interval(values: FloatArray, q: Questionnaire) -> tuple[float, float, float]:
    """Return mean and confidence interval of the scores of one question, nan where too few answered it."""
    from scipy.stats import t

    n = len(values)
    if n < max(q.min_sample, 2):
        return np.nan, np.nan, np.nan
    left = max(q.residents - n, 0) / max(q.residents - 1, 1) if q.residents else 1.0
    error = float(values.std(ddof=1)) * np.sqrt(left / n)
    mean, half = float(values.mean()), float(t.ppf(0.5 + q.confidence / 2.0, n - 1)) * error
    return mean, max(0.0, mean - half), min(100.0, mean + half)

"""What the records say of each of the paper's claims: shown, shown in part, not shown, contradicted or not tested.

A claim consists of comparisons. A comparison is tested only with at least three seeds per method that differ only in
what is compared. On the paper's environments the better side must also have learned: it scores at least three times
random play (on select_nonmatching half of the oracle's score), and its training return has levelled off or still rises
(in the last fifth of the run it is at least 80 % of that in the best fifth). On watermaze and Chaser the verdict also
says whether the better method is clearly above a feedforward agent of the same budget. "Better" is shown if the mean is
higher in every setting and p of Welch's t test is below 0.05 after Holm's correction for all such tests on this page,
and contradicted if the same holds the other way round. "Equal" is shown if the 90 % interval of the difference lies
within a margin, a tenth of what the better side gains over random play, and contradicted if its 95 % interval lies
outside; "at least as good" is shown if the lower end of the 95 % interval lies above minus that margin, and
contradicted if its upper end lies below. Agents that have learned nothing are equal, however they were trained: where
nobody has learned a memory task, nothing is shown. A claim is shown if all of its comparisons are, shown in part if
some are and none is contradicted. A control, in which the methods should not differ, can keep a claim from being shown
as a whole, but does not show a part of it.

Each kind of run that tests claims has a file `claims.py` with a function `claims(results)`; agents are weighed by
`analysis/reinforcement/weighing.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis import kinds
from analysis.load import Results

SHOWN, NOT_SHOWN, CONTRADICTED, NOT_TESTED = "shown", "not shown", "contradicted", "not tested"
IN_PART = "shown in part"
HEADLINE = "headline"  # the figure of the first screen
VERDICTS = (SHOWN, IN_PART, NOT_SHOWN, CONTRADICTED, NOT_TESTED)


@dataclass(frozen=True)
class Part:
    """One of the comparisons that a claim consists of.

    `what` is compared, `said` is the effect with its interval or the reason of the verdict, `brief` the same for the
    first screen, `n` counts runs, `budget` is the share of the paper's training steps, and `differs` what else is not
    as in the paper. A `control` is no part of what the claim says: it shows what the difference is due to.
    """

    what: str
    verdict: str
    said: str
    brief: str = ""
    n: str = ""
    budget: str = ""
    differs: str = ""
    control: bool = False

    @property
    def title(self) -> str:
        """What is compared, and whether as a control."""
        return f"control: {self.what}" if self.control else self.what


@dataclass(frozen=True)
class Claim:
    """A claim in one sentence and what it rests on.

    `number` is its place in the paper, 0: not one of the paper's. `title` is a few words on what it is about. `shows`
    names the figures and tables that belong to it; `note` is what a reader must know beside the verdict, such as
    departures from the paper.
    """

    number: int
    name: str
    title: str
    sentence: str
    parts: tuple[Part, ...]
    shows: tuple[str, ...] = ()
    note: str = ""

    @property
    def verdict(self) -> str:
        """Contradicted if any part is; not tested if no part is; shown (in part) as far as the parts are.

        Controls decide only whether a claim is shown as a whole.
        """
        found = {part.verdict for part in self.parts if not part.control}
        if CONTRADICTED in found:
            return CONTRADICTED
        if found <= {NOT_TESTED}:
            return NOT_TESTED
        if SHOWN in found:
            return SHOWN if {part.verdict for part in self.parts} == {SHOWN} else IN_PART
        return NOT_SHOWN

    @property
    def counts(self) -> str:
        """`2 of 6 comparisons shown, 3 not tested; 1 of 2 controls shown`."""
        verdicts = [part.verdict for part in self.parts if not part.control]
        others = [f"{verdicts.count(v)} {v}" for v in (CONTRADICTED, NOT_SHOWN, NOT_TESTED) if v in verdicts]
        counted = ", ".join([f"{verdicts.count(SHOWN)} of {len(verdicts)} comparisons shown", *others])
        controls = [part.verdict for part in self.parts if part.control]
        return f"{counted}; {controls.count(SHOWN)} of {len(controls)} controls shown" if controls else counted

    @property
    def evidence(self) -> list[str]:
        """The parts that were tested, in words, contradictions first and controls last; where none was, why not."""
        order = [part for verdict in (CONTRADICTED, SHOWN, NOT_SHOWN) for part in self.parts if part.verdict == verdict]
        order.sort(key=lambda part: part.control)
        tested = [
            f"{part.title}{'' if part.verdict == SHOWN else f' ({part.verdict})'}: {part.brief or part.said}"
            for part in order
        ]
        begun = [f"{part.title}: {part.said}" for part in self.parts if part.n not in ("", "0 + 0")]
        return tested or begun or list(dict.fromkeys(part.said for part in self.parts))

    @property
    def facts(self) -> dict[str, Any]:
        """All of the above by name, for the page."""
        return {**vars(self), "verdict": self.verdict, "counts": self.counts, "evidence": self.evidence}

    @property
    def table(self) -> pd.DataFrame:
        """The parts as texts, a row each."""
        titles = {"title": "Comparison", "verdict": "Verdict", "said": "Effect or reason", "n": "n"}
        titles |= {"budget": "Of the paper's steps", "differs": "Differs from the paper in"}
        rows = [{**vars(part), "title": part.title} for part in self.parts]
        return pd.DataFrame(rows)[list(titles)].rename(columns=titles)


def rules() -> str:
    """How verdicts are reached, in words."""
    return " ".join((__doc__ or "").split("\n\n")[1].split())


def claims(results: Results) -> list[Claim]:
    """The paper's claims in its order, then others."""
    found: list[Claim] = []
    for kind in kinds.kinds():
        module = kinds.part(kind, "claims")
        found += module.claims(results) if module else []
    return sorted(found, key=lambda claim: (claim.number == 0, claim.number))


def answer(results: Results, found: Sequence[Claim]) -> str:
    """What exact RTRL gains and costs in these runs, and how many of the paper's claims have which verdict.

    Each kind of run that has a part in it has a file `answer.py` with a function `sentence(results)`.
    """
    said = [module.sentence(results) for kind in kinds.kinds() if (module := kinds.part(kind, "answer"))]
    verdicts = [claim.verdict for claim in found if claim.number]
    counts = {verdict: verdicts.count(verdict) for verdict in VERDICTS if verdict in verdicts}
    together = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    return " ".join(filter(None, [*said, f"Of the paper's {len(verdicts)} claims: {together}."]))

"""Learning curves of sequence tasks: a panel per task, the mean over seeds, and what is said above them."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

from analysis.kinds import NothingToShow
from analysis.load import load
from analysis.sequences.figures import sequence_curves


def test_a_task_has_a_panel_for_its_options_with_lengths_in_their_order(tree):
    for length in (12, 6):
        for seed, accuracy in enumerate([0.5, 0.7]):
            tree.copy_task(length, "rtrl", seed, accuracy, None)
    drawing = sequence_curves.draw(load(tree.root))
    titles = [axes.get_title(loc="left") or axes.get_title() for axes in drawing.figure.axes]
    plt.close(drawing.figure)
    assert ["length 6" in title for title in titles] == [True, False]
    assert "length 12: RTRL 0.60 (n = 2)" in drawing.note
    last = drawing.numbers.groupby("panel")["mean"].last()
    assert last.tolist() == pytest.approx([0.6, 0.6])


def test_recall_alone_has_nothing_to_draw_here(tree):
    tree.recall("elstm", "rtrl", 0, 1.0)
    with pytest.raises(NothingToShow, match="other than recall"):
        sequence_curves.draw(load(tree.root))

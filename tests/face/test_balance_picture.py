"""Names beside the picture of balance fit into it, however long, and nothing in them is markup."""

import re

from counterfoil.report.balance_picture import LABEL, Likeness, balance_picture

WIDEST = 9.0
"""Units of the picture that one letter of a sans-serif face takes on average, in capitals."""


def test_long_names_are_shortened_to_what_fits_and_told_whole_on_hover() -> None:
    name = 'EARNINGS "BEFORE" <b>THE</b> PROGRAMME & AFTER=LEVEL'
    drawn = str(balance_picture([Likeness(name, 0.2, 0.01)], "work"))
    labels = [re.sub(r"&#?\w+;", "x", text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", drawn)]
    assert max(map(len, labels[:1])) * WIDEST < LABEL
    assert "EARNINGS &#34;BEFORE&#34; &lt;b&gt;THE" in drawn
    assert "<b>" not in drawn

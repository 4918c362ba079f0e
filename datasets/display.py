"""How results show themselves in a notebook: a caption and a table, escaped."""

import html
from typing import Any

import pandas as pd


def titled_table(frame: pd.DataFrame, title: str) -> str:
    """Return a frame as an HTML table under a caption; every cell is escaped.

    Examples
    --------
    >>> "&lt;b&gt;" in titled_table(pd.DataFrame({"provider": ["<b>"]}), "Credits")
    True
    """

    def digits(value: Any) -> str:
        return "" if pd.isna(value) else f"{value:,.6g}"

    table = frame.to_html(index=False, border=0, escape=True, float_format=digits, na_rep="")
    return f"<p><strong>{html.escape(title)}</strong></p>{table}"

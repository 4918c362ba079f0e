"""The report: one self-contained HTML file, verdict and money first; the same inputs give the same bytes."""

from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from counterfoil.report.facts import gather
from counterfoil.report.pictures import forest, share_bars, waterfall

if TYPE_CHECKING:
    from counterfoil.evaluation import Evaluation


def render_html(evaluation: "Evaluation", *, show_small_cells: bool = False) -> str:
    """Return an evaluation as one HTML page without scripts or links to anything outside it.

    Parameters
    ----------
    evaluation : Evaluation
    show_small_cells : bool
        True shows what rests on ten people or fewer; only for readers who may see it.
    """
    # Every string is escaped by the template; pictures escape their own labels.
    environment = Environment(
        loader=PackageLoader("counterfoil.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    template = environment.get_template("page.html")
    pictures = {"forest": forest, "waterfall": waterfall, "share_bars": share_bars}
    return template.render(**gather(evaluation, show_small_cells), **pictures)


__all__ = ["render_html"]

"""The report: one self-contained HTML file, verdict and money first; the same inputs give the same bytes."""

from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from counterfoil.report.curve_facts import curve_facts
from counterfoil.report.facts import gather
from counterfoil.report.pictures import forest, share_bars, waterfall

if TYPE_CHECKING:
    from counterfoil.evaluation import Evaluation
    from counterfoil.specification_results import SpecificationCurve


def render_html(
    evaluation: "Evaluation", *, show_small_cells: bool = False, curve: "SpecificationCurve | None" = None
) -> str:
    """Return an evaluation as one HTML page without scripts or links to anything outside it.

    Parameters
    ----------
    evaluation : Evaluation
    show_small_cells : bool
        True shows what rests on ten people or fewer; only for readers who may see it.
    curve : SpecificationCurve, optional
        Shown in a section of its own.
    """
    # Every string is escaped by the template; pictures escape their own labels.
    environment = Environment(
        loader=PackageLoader("counterfoil.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    template = environment.get_template("page.html")
    pictures = {"forest": forest, "waterfall": waterfall, "share_bars": share_bars}
    shown = None if curve is None else curve_facts(curve, show_small_cells=show_small_cells)
    return template.render(**gather(evaluation, show_small_cells), **pictures, curve=shown)


__all__ = ["render_html"]

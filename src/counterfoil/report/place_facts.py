"""What the report says of few treated places: what was observed beside what would have been, and the places it leans on."""

from typing import TYPE_CHECKING, Any

from counterfoil.estimators.synthetic.synthetic_fit import SyntheticControlFit
from counterfoil.placed import closeness_line, donor_rows, placed_fit, test_line
from counterfoil.report.over_time import Course, course_picture

if TYPE_CHECKING:
    from counterfoil.measuring import EffectResult


def places(result: "EffectResult") -> dict[str, Any] | None:
    """Return the pictures, sentences and donors of an effect on places, or None where it is on people."""
    fit = placed_fit(result.measured)
    if fit is None:
        return None
    path = fit.path()
    synthetic = isinstance(fit, SyntheticControlFit)
    without = "synthetic" if synthetic else "without"
    pictures = []
    for cohort, rows in path.groupby("cohort", sort=False) if synthetic else [("", path)]:
        begin = int((rows["event_time"] < 0).sum())
        courses = [
            Course("observed", tuple(rows["observed"].tolist())),
            Course("without the programme", tuple(rows[without].tolist()), without=True),
        ]
        since = f", since {cohort}" if cohort else ""
        title = f"{result.name}{since}: observed, and without the programme"
        pictures.append(course_picture([str(label) for label in rows["period"]], courses, begin, title))
    return {
        "pictures": pictures,
        "test": test_line(fit),
        "close": closeness_line(fit),
        "donors": [
            (name, f"{weight:.3f}", "" if gain is None else f"{gain:,.6g}") for name, weight, gain in donor_rows(fit)
        ],
    }

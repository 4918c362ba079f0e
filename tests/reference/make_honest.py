"""Write honest.json: smoothness intervals and pre-trend power of diff-diff 3.13.0, for the event study of the R package HonestDiD.

Run once, in an environment with diff-diff: ``python tests/reference/make_honest.py``. The effects and their covariance are
BCdata_EventStudy of HonestDiD (Benzarti and Carloni 2019), to ten digits.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from diff_diff import honest_did, pretrends

HERE = Path(__file__).parent


def main() -> None:
    """Write the file beside this script."""
    given = json.loads((HERE / "benzarti_carloni.json").read_text())
    values, covariance = np.array(given["values"]), np.array(given["covariance"])
    intervals = []
    for weights in ([1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25], [0.0, 0.0, 0.0, 1.0]):
        for limit in (0.0, 0.01, 0.02, 0.05, 0.2):
            low, high = honest_did._compute_optimal_flci(
                values[:4], values[4:], covariance, np.array(weights), 4, 4, limit
            )
            intervals.append({"weights": weights, "limit": limit, "interval": [float(low), float(high)]})
    distance = np.array([-4.0, -3.0, -2.0, -1.0])
    slopes = [
        {"test": test, "power": power, "slope": _slope(form, power, distance, covariance[:4, :4])}
        for test, form in (("individual", "nis"), ("joint", "wald"))
        for power in (0.5, 0.8)
    ]
    found = {"version": "3.13.0", "smoothness": intervals, "slopes": slopes}
    (HERE / "honest.json").write_text(json.dumps(found, indent=1) + "\n")


def _slope(form: str, power: float, distance: Any, covariance: Any) -> float:
    design = pretrends.PreTrendsPower(power=power, pretest_form=form)
    return float(design._compute_mdv(distance, covariance))


if __name__ == "__main__":
    main()

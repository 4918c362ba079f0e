"""DoWhy's own refuters, beside ours: of a linear regression on the treatment and what is adjusted for, and of nothing else.

DoWhy is handed a copy of what is needed, since version 0.14 adds columns to the frame it is given. Its placebo refuter is not
used after estimates by the chance of treatment: it keeps the chances of the real treatment (issue 1728), and reports effects
where there are none. Its p-value is the chance of the value that ought to come out among the repetitions, and it does not
return the repetitions, so that there is no interval.

Source: Sharma and Kiciman (2020), arXiv 2011.04216.
"""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.refutation.control_tests import measured_name
from counterfoil.estimators.refutation.fitted_designs import study_of
from counterfoil.estimators.refutation.quiet import quiet
from counterfoil.estimators.refutation.refutation import Refutation, Test
from counterfoil.estimators.refutation.refuters import FEWEST
from counterfoil.estimators.refutation.repeated_tests import verdict
from counterfoil.estimators.refutation.repetitions import generator
from counterfoil.estimators.refutation.roles import roles_of
from counterfoil.estimators.spec import Design, draw_sample

DowhyTest = Literal["placebo_treatment", "random_common_cause", "data_subset"]
METHODS: Final[dict[str, str]] = {
    "placebo_treatment": "placebo_treatment_refuter",
    "random_common_cause": "random_common_cause",
    "data_subset": "data_subset_refuter",
}
METHOD: Final = "backdoor.linear_regression"


def dowhy_refuters(
    spec: Design,
    data: Study | pd.DataFrame,
    tests: Sequence[DowhyTest] = ("placebo_treatment", "random_common_cause", "data_subset"),
    *,
    draws: int = 100,
    part: float = 0.8,
    seed: int = 0,
    conf_level: float = 0.95,
) -> Refutation:
    """Let DoWhy try to refute a linear regression with what a design treats and adjusts for.

    Several providers are taken one by one, with the others among what is adjusted for. Clusters, weights and strata are not
    known to DoWhy; what it refutes is its own estimate and not the design's.

    Parameters
    ----------
    spec : Design
    data : Study or DataFrame
        Never changed.
    tests : sequence of str
    draws : int
        At least 40.
    part : float
        Which part of the people ``data_subset`` keeps.
    seed : int
    conf_level : float

    Raises
    ------
    EstimationError
        EST-053 for a design whose treatment is not 0 or 1, and for fewer draws.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Experiment
    >>> study = cf.datasets.load("nsw")
    >>> found = dowhy_refuters(Experiment(covariates=("age",)), study, ["random_common_cause"], draws=40)
    >>> round(found.tests[0].expected, 3) == round(found.tests[0].estimate, 0) or found.tests[0].consistent
    True
    """
    if draws < FEWEST:
        raise refusal(
            "EST-053", f"{draws} repetitions cannot place an estimate; there are at least {FEWEST}", "estimator"
        )
    sample = draw_sample(spec, study_of(spec, data))
    study = sample.study
    frame, treatments, covariates = frame_of(spec, study)
    outcome = measured_name(spec, study)
    found: list[Test] = []
    for treatment, provider in treatments:
        others = [name for name, _ in treatments if name != treatment]
        with quiet():
            rows = _refuted(frame.copy(), treatment, [*covariates, *others], tests, draws, part, seed)
        for test, before, value, p_value in rows:
            found.append(_row(test, provider, outcome, before, value, p_value, draws, part, conf_level))
    return Refutation(tuple(found), conf_level)


def frame_of(spec: Design, study: Study) -> tuple[pd.DataFrame, list[tuple[str, str]], list[str]]:
    """Return what DoWhy needs as a frame of plain names, the treatments with what they are called, and the covariates.

    Raises
    ------
    EstimationError
        EST-053 when a treatment is not 0 or 1.
    """
    roles = roles_of(spec, study)
    if roles.columns and len(roles.columns) == 1 and getattr(spec, "control", None) is None:
        values = study.arm(roles.columns[0])[:, None]
        names = [""]
    elif not roles.columns:
        values, names = study.roster(roles.treatments).exposure, list(roles.treatments)
    else:
        raise refusal("EST-053", "DoWhy's refuters are for treatments that are 0 or 1 by themselves", "estimator")
    covariates = study.covariates(roles.covariates)[0]
    treated = {f"treatment_{j}": values[:, j].astype(np.int64) for j in range(values.shape[1])}
    adjusted = {f"covariate_{j}": column for j, column in enumerate(covariates.T) if np.ptp(column) > 0}
    frame = pd.DataFrame({**treated, **adjusted, "outcome": study.outcome(spec.outcome, spec.period)})
    return frame, list(zip(treated, names, strict=True)), list(adjusted)


def _refuted(
    frame: pd.DataFrame,
    treatment: str,
    adjusted: list[str],
    tests: Sequence[str],
    draws: int,
    part: float,
    seed: int,
) -> list[tuple[str, float, float, float]]:
    from dowhy import CausalModel

    model = CausalModel(data=frame, treatment=treatment, outcome="outcome", common_causes=adjusted)
    estimand = model.identify_effect(proceed_when_unidentifiable=True)
    estimate = model.estimate_effect(estimand, method_name=METHOD)
    rows = []
    for test in dict.fromkeys(tests):
        more: dict[str, Any] = {
            "placebo_treatment": {"placebo_type": "permute"},
            "data_subset": {"subset_fraction": part},
        }
        # DoWhy draws from the legacy generator, whose seeds have 32 bits.
        state = int(generator(seed, "dowhy", test, treatment).integers(2**32))
        found = model.refute_estimate(
            estimand,
            estimate,
            method_name=METHODS[test],
            num_simulations=draws,
            random_state=np.random.RandomState(state),
            show_progress_bar=False,
            **more.get(test, {}),
        )
        p_value = float(np.ravel(found.refutation_result["p_value"])[0])
        rows.append((test, float(estimate.value), float(found.new_effect), p_value))
    return rows


def _row(
    test: str,
    provider: str,
    outcome: str,
    before: float,
    value: float,
    p_value: float,
    draws: int,
    part: float,
    conf_level: float,
) -> Test:
    how = {"placebo_treatment": "dealt out anew to people", "random_common_cause": "a column of noise"}.get(
        test, f"{part:.0%} of them"
    )
    library = f"dowhy {version('dowhy')}"
    expected = 0.0 if test == "placebo_treatment" else before
    consistent = p_value >= 1 - conf_level
    whose = f"{provider}, " if provider else ""
    ought = "zero is true" if test == "placebo_treatment" else f"it was {before:.4g}"
    sentence = (
        f"{whose}{test} ({library}, linear regression): the effect is {value:.4g} on average, where {ought}; "
        f"{verdict(consistent, p_value)}"
    )
    return Test(
        provider=provider, outcome=outcome, test=test, against=how, estimate=value, conf_low=None, conf_high=None,
        expected=expected, p_value=p_value, consistent=consistent, draws=draws, refused=0, source=library, sentence=sentence,
    )  # fmt: skip

"""Tests that a sound design passes: each changes the data so that the answer is known, and fits the whole design again.

Everything that the design estimates is estimated again in every repetition, the chance of being treated included. (The placebo
refuter of DoWhy 0.14 takes the chances of the real treatment for those of the placebo, its issue 1728, and finds effects where
there are none.)

=====================  ========================================================================  ==========================
test                   what is changed                                                           what ought to come out
=====================  ========================================================================  ==========================
placebo_treatment      treatments are dealt out anew, as the design would                        zero on average
placebo_rejections     the same repetitions                                                      intervals miss zero at their rate
dummy_outcome          the outcome is normal noise, treatments and covariates as they are        zero on average
dummy_rejections       the same repetitions                                                      intervals miss zero at their rate
random_common_cause    a column of noise is adjusted for as well                                 the estimate as it was
data_subset            a part of the people, or of the clusters, is left out                     the estimate as it was
negative_outcome       the outcome is one that the programme cannot have moved                   zero
negative_treatment     the treatment is one that cannot have moved the outcome                   zero
=====================  ========================================================================  ==========================

The first six see mistakes of computation, errors that are too small, and answers that hang on a few people. **None of them can
see a hidden reason for the difference**; only negative controls can, and only one that moves them too.

Sources: Sharma and Kiciman (2020), arXiv 2011.04216, for the first; `negative_controls` for the others.
"""

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from counterfoil.datasets.study import Study
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.kernel import Kernel
from counterfoil.estimators.refutation.control_tests import OURS, control_tests
from counterfoil.estimators.refutation.fitted_designs import by_provider, labels_of, measured, outcome_of, study_of
from counterfoil.estimators.refutation.negative_controls import NegativeControls
from counterfoil.estimators.refutation.reassignment import Exchange, exchange
from counterfoil.estimators.refutation.refutation import Refutation, Test
from counterfoil.estimators.refutation.repeated_tests import centred, rejections, unmoved
from counterfoil.estimators.refutation.repetitions import Changing, Count, Progress, Repeated, repeat
from counterfoil.estimators.spec import Design

FEWEST: Final = 40
"""With fewer repetitions the place of an estimate among them cannot be rarer than one in twenty."""


class Refuters(BaseModel):
    """Which tests to make, and how often.

    Examples
    --------
    >>> Refuters(tests=("data_subset",), draws=100).part
    0.8
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"tests": ["placebo_treatment", "data_subset"], "draws": 200, "seed": 1}]},
    )

    tests: tuple[Changing, ...] = Field(
        ("placebo_treatment", "dummy_outcome", "random_common_cause", "data_subset"),
        description="Tests that change the data: treatments dealt out anew, an outcome of noise, a column of noise to adjust for, "
        "or a part of the people.",
    )
    draws: int = Field(
        200, ge=FEWEST, description="How often each is repeated; every repetition fits the whole design again."
    )
    part: float = Field(0.8, gt=0, lt=1, description="Which part of the people `data_subset` keeps.")
    within: str | None = Field(
        None,
        description="Column of people inside whose groups treatments are dealt out anew; as the design has it when omitted.",
    )
    seed: int = Field(0, ge=0, description="Same seed, same repetitions.")


def refute(
    designs: Design | Mapping[str, Design],
    data: Study | pd.DataFrame,
    refuters: Refuters | None = None,
    *,
    controls: NegativeControls | None = None,
    kernel: Kernel | None = None,
    conf_level: float = 0.95,
    progress: Progress | None = None,
) -> Refutation:
    """Try to refute a design by tests that change the data and fit it again, and by declared negative controls.

    Parameters
    ----------
    designs : Design or mapping of str to Design
        Anything whose ``fit(study)`` gives an estimate, or a fit with ``total()``; or several, by provider.
    data : Study or DataFrame
        Never changed.
    refuters : Refuters, optional
        ``Refuters(tests=())`` leaves the negative controls alone.
    controls : NegativeControls, optional
    kernel : Kernel, optional
        An attribution rule: the credits of a contribution's providers are tested, each by itself, instead of its total.
    conf_level : float
        A test is consistent when its p-value is no smaller than one less this.
    progress : callable, optional
        Called with the number of repetitions done, after each.

    Raises
    ------
    EstimationError
        EST-014 when nothing can be dealt out anew; EST-053 for a test that the design does not have; EST-054 when the design
        refuses more than a tenth of the repetitions.
    CounterfoilError
        As the design's own fit.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Experiment
    >>> found = refute(Experiment(), cf.datasets.load("nsw"), Refuters(tests=("placebo_treatment",), draws=40))
    >>> found.tidy()["test"].tolist()
    ['placebo_treatment', 'placebo_rejections']
    """
    asked = refuters or Refuters()
    count = Count(progress)
    tests: list[Test] = []
    for provider, spec in by_provider(designs).items():
        study = study_of(spec, data)
        places = (
            exchange(spec, study, asked.within) if set(asked.tests) - {"dummy_outcome", "random_common_cause"} else None
        )
        found = measured(spec, study, kernel)
        for name in dict.fromkeys(asked.tests):
            repeated = repeat(
                name, asked.draws, asked.part, asked.seed, spec, study, places, kernel, conf_level, provider, count
            )
            for j, label in enumerate(labels_of(found, provider)):
                tests += _rows(name, label, found, j, repeated, places, conf_level, asked)
        if controls is not None:
            tests += control_tests(spec, study, controls, kernel, conf_level, provider)
    return Refutation(tuple(tests), conf_level)


def _rows(
    name: Changing,
    label: str,
    found: Estimate,
    term: int,
    repeated: Repeated,
    places: Exchange | None,
    conf_level: float,
    asked: Refuters,
) -> list[Test]:
    values = repeated.values[:, term]
    common: dict[str, Any] = {
        "provider": label,
        "outcome": outcome_of(found, term),
        "draws": len(values),
        "refused": repeated.refused,
        "source": OURS,
    }
    whose = f"{label}, " if label else ""
    if name in {"placebo_treatment", "dummy_outcome"}:
        how = f"dealt out anew to {places.words}" if name == "placebo_treatment" and places else "normal noise"
        row = centred(name, values, conf_level, common, whose, how)
        share = rejections(name, repeated.misses[:, term], conf_level, common, whose, how)
        return [row, share]
    how = "a column of noise" if name == "random_common_cause" else f"{asked.part:.0%} of them"
    return [unmoved(name, values, float(found.values[term]), conf_level, common, whose, how)]

"""The total gain by four routes: sum of credits, anybody against nobody, the lottery's ITT, and the ledger."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.attribution import Shapley, attribute
from counterfoil.estimators import Contribution, Experiment, stack
from counterfoil.estimators.support import support


def lottery(seed: int = 0, size: int = 2_000) -> pd.DataFrame:
    """Draw a lottery: whoever is assigned gets one provider or both, nobody else gets any; services bend with need."""
    rng = np.random.default_rng(seed)
    need, assigned = rng.normal(size=size), rng.integers(0, 2, size)
    kind = rng.integers(1, 4, size) * assigned
    data = pd.DataFrame({"north": (kind & 1), "south": (kind >> 1), "assigned": assigned, "need": need})
    gain = 0.5 * data["north"] * (1 + need) + 0.3 * data["south"] + 0.4 * data["north"] * data["south"]
    return data.assign(jobs=need + gain + rng.normal(size=size))


def test_in_a_lottery_all_four_agree_exactly(tmp_path: Path) -> None:
    frame = lottery()
    share = frame["assigned"].mean()
    fit = Contribution(outcome="jobs", providers=("north", "south"), model="saturated").fit(frame)
    credits = attribute(fit).credits.values.sum()
    anybody = frame.assign(any=frame["assigned"])
    against = Contribution(outcome="jobs", providers=("any",)).fit(anybody).total().values[0]
    itt = Experiment(outcome="jobs").fit(frame).values[0] * share
    ledger = support(fit, Shapley()).tidy()["estimate"].sum()
    assert [credits, against, itt, ledger] == pytest.approx([fit.total().values[0]] * 4, abs=1e-12)
    path = tmp_path / "contract.yaml"
    path.write_text(
        "counterfoil: 1\nname: Jobs\ncurrency: USD\nparties:\n  north: {role: provider}\n  south: {role: provider}\n"
        "  city: {role: outcome_payer}\neffects:\n  jobs:\n    outcome: jobs\n    better: higher\n"
        "    estimator: {kind: contribution}\n    split: {rule: shapley}\n"
        'payments:\n  - {effect: jobs, per: person, price: "1000.00"}\n',
        encoding="utf-8",
    )
    study = cf.Study.from_frame(frame, providers=["north", "south"], outcomes=["jobs"])
    settled = cf.evaluate(cf.read_contract(path), study).settlement
    assert settled is not None
    assert float(sum(line.amount for line in settled.lines)) == pytest.approx(1000 * len(frame) * against, abs=0.005)


def test_with_covariates_they_agree_within_their_joint_error() -> None:
    frame = lottery(1)
    spec = {"outcome": "jobs", "covariates": ("need",), "design": "unconfounded", "target": "population"}
    saturated = Contribution.model_validate({**spec, "providers": ("north", "south")}).fit(frame)
    against = Contribution.model_validate({**spec, "providers": ("any",)}).fit(frame.assign(any=frame["assigned"]))
    both = stack([saturated.total(), against.total()], ["sum of credits", "anybody against nobody"])
    difference = both.contrast([[1.0, -1.0]], ["difference"])
    assert abs(difference.values[0]) < 3 * difference.std_error[0]
    # The two share nearly all of their error, so that the difference is known far better than either total.
    assert difference.std_error[0] < 0.25 * both.std_error[0]

"""Run every specification of an effect through the contract, to the cent, each as an evaluation of its own.

What does not hang on the design that is varied is measured once. A specification that divides the same gain by another rule is not
measured again either.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from counterfoil.agreement import disagreements
from counterfoil.attribution.gains.point_gate import PointGate
from counterfoil.attribution.payment.gate import Gate
from counterfoil.attribution.payment.settlement import Settlement
from counterfoil.attribution.risk.standing import standings
from counterfoil.attribution.risk.thresholds import thresholds
from counterfoil.contract import Contract, Effect
from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError, Problem, raise_any, refusal
from counterfoil.evaluation import Evaluation, evaluate
from counterfoil.measuring import EffectResult, divide, measure
from counterfoil.report.facts import withheld_parties
from counterfoil.reported import Reported
from counterfoil.specification_file import SpecificationFile, keys_of, run_digest
from counterfoil.specification_grid import Specified, specification_grid, varied
from counterfoil.specification_plot import Level
from counterfoil.specification_results import SpecificationCurve
from counterfoil.specification_row import SpecificationRow, payment_order
from counterfoil.specifications import Specifications

Progress = Callable[[int, int], None]


def specification_curve(
    contract: Contract,
    study: Study,
    specifications: Specifications,
    *,
    reported: Reported | None = None,
    resume: str | Path | None = None,
    progress: Progress | None = None,
) -> SpecificationCurve:
    """Estimate an effect by every specification declared, and settle the contract under each.

    Parameters
    ----------
    contract : Contract
    study : Study
    specifications : Specifications
        See `counterfoil.specifications.read_specifications`.
    reported : Reported, optional
        Numbers that were verified or published elsewhere.
    resume : path, optional
        A file of finished specifications, one a line: those of the same contract, study and terms are read from it, and
        the others are added as they are finished.
    progress : callable, optional
        Called with the number of specifications that are finished, and of all.

    Raises
    ------
    ContractError
        When the contract contradicts itself; CONTRACT-027 when the specifications do not fit it, CONTRACT-028 for more than 2,000.
    DataError
        When contract and data do not fit; DATA-004 for a covariate that the study does not have, DATA-020 for a file to resume
        from that is none.
    EstimationError
        EST-055 when every specification is refused.

    Examples
    --------
    >>> import counterfoil as cf
    >>> contract = cf.read_contract(cf.datasets.example_folder("nsw") / "contract.yaml")
    >>> asked = Specifications(covariates={"none": (), "schooling": ("educ", "nodegree"), "earlier pay": ("re74", "re75")})
    >>> curve = specification_curve(contract, cf.datasets.load("nsw"), asked)
    >>> [round(estimate) for estimate in curve.estimates], curve.trigger.share
    ([1641, 1772, 1794], 0.0)
    """
    own = evaluate(contract, study, reported=reported)
    grid = specification_grid(contract, specifications, study)
    run = run_digest(contract, study, None if reported is None else reported.digest)
    file = None if resume is None else SpecificationFile(resume)
    runner = _Runner(contract, study, reported, grid.effect, own)
    rows: list[SpecificationRow] = []
    for key, specified in zip(keys_of(grid, run), grid.specified, strict=True):
        row = None if file is None else file.row(key, specified.number, specified.choices, primary=specified.primary)
        if row is None:
            row = runner.row(specified)
            if file is not None:
                file.add(key, row)
        rows.append(row)
        if progress is not None:
            progress(len(rows), len(grid.specified))
    if all(row.estimate is None for row in rows):
        codes = ", ".join(dict.fromkeys(code for row in rows for code in row.codes))
        what = f"all {len(rows):,} specifications of effect '{grid.effect}' are refused: {codes}"
        raise refusal("EST-055", what, specifications.where())
    levels = tuple(dict.fromkeys(_levels(own, grid.effect)))
    return SpecificationCurve(
        contract, specifications, grid.effect, dict(study.digests), tuple(rows), grid.left_out, levels
    )


class _Runner:
    """Runs one specification after another; the design that was measured last is not measured again."""

    def __init__(
        self, contract: Contract, study: Study, reported: Reported | None, effect: str, own: Evaluation
    ) -> None:
        self._contract, self._study, self._reported = contract, study, reported
        self._effect, self._own = effect, own
        self._last: tuple[str, EffectResult] | None = None

    def row(self, specified: Specified) -> SpecificationRow:
        """Return what becomes of a specification; a refusal is a row too."""
        if specified.primary:
            return _row(specified, self._own, self._effect)
        try:
            known = {**self._others, self._effect: self._measured(specified.effect)}
            contract = varied(self._contract, self._effect, specified.effect)
            evaluation = evaluate(contract, self._study, reported=self._reported, known=known)
        except CounterfoilError as error:
            return _without_answer(specified, error.problems)
        return _row(specified, evaluation, self._effect)

    @cached_property
    def _others(self) -> dict[str, EffectResult]:
        """The other effects as they are measured, before another one divides them."""
        contract = self._own.contract
        return {
            name: self._own.effects[name] if contract.divider(name) == name else measure(contract, self._study, name)
            for name in contract.measured
            if name != self._effect
        }

    def _measured(self, asked: Effect) -> EffectResult:
        """Return the effect by its design, divided by its split."""
        last = self._own.contract  # as amended; amendments leave design and split alone
        # Negative controls test the contract's own design, and are not asked of every other.
        changes = {"estimator": asked.estimator, "split": asked.split, "negative_controls": None}
        terms = last.effects[self._effect].model_copy(update=changes)
        key = asked.estimator.model_dump_json()
        if self._last is None or self._last[0] != key:
            # The graph, too, is the contract's own, and is not held against every other design.
            whole = varied(last, self._effect, terms.model_copy(update={"split": None, "graph": None}))
            others = [name for name in last.measured if name != self._effect]
            raise_any(disagreements(whole, self._study, without=others))
            self._last = key, measure(whole, self._study, self._effect)
        found = replace(self._last[1], terms=terms)
        return found if found.refused else divide(found)


def _row(specified: Specified, evaluation: Evaluation, effect: str) -> SpecificationRow:
    result, settlement = evaluation.effects[effect], evaluation.settlement
    problems = tuple(dict.fromkeys([*result.refused, *evaluation.refused]))
    payments = {} if settlement is None else settlement.by_party()
    total = result.total
    value = {} if total is None else total.tidy().to_dict("records")[0]
    return SpecificationRow(
        specified.number,
        specified.choices,
        specified.primary,
        estimand="" if total is None else ", over ".join(filter(None, (total.estimand, total.population))),
        people=0 if total is None else int(total.people),
        estimate=_finite(value.get("estimate")),
        std_error=_finite(value.get("std_error")),
        conf_low=_finite(value.get("conf_low")),
        conf_high=_finite(value.get("conf_high")),
        gate_passes=None if result.held is None else result.held.passes,
        gate_tests=_finite(result.sign * result.held.tested)
        if _tests_a_gain(result) and result.held is not None
        else None,
        standing=() if settlement is None else tuple(_standing(evaluation, settlement)),
        payment=None if settlement is None else settlement.total,
        payments=payments,
        order=payment_order(payments, evaluation.contract.players),
        refused=_said(problems),
        withheld=tuple(sorted(withheld_parties(evaluation))),
    )


def _without_answer(specified: Specified, problems: tuple[Problem, ...]) -> SpecificationRow:
    return SpecificationRow(
        specified.number, specified.choices, specified.primary, "", 0, None, None, None, None, None, None, (), None, {}, (),
        _said(problems), (),
    )  # fmt: skip


def _said(problems: tuple[Problem, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(dict.fromkeys((problem.code, problem.what) for problem in problems))


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _standing(evaluation: Evaluation, settlement: Settlement) -> Iterator[str]:
    """Yield in words which gates are open, which tiers are reached and which conditions hold."""
    if settlement.inputs is None:
        return
    gated = [name for name, effect in evaluation.contract.effects.items() if effect.gate is not None]
    for found, on in standings(settlement.inputs, gated):
        at = f"{found.clause}, {found.period}" if found.period else found.clause
        if found.kind == "gate":
            yield f"{at}: gate of {found.name} {'open' if on else 'shut'}"
        elif found.kind == "condition":
            yield f"{at}: {'holds' if on else 'does not hold'}: {found.name}"
        elif on:
            yield f"{at}: {found.name}"


def _tests_a_gain(result: EffectResult) -> bool:
    """Whether the gate holds a gain, or its bound, against a minimum in the outcome's units."""
    return isinstance(result.terms.gate, Gate | PointGate)


def _levels(own: Evaluation, effect: str) -> Iterator[Level]:
    """Yield the values of the effect at which the contract changes what is due, in the outcome's own sign."""
    result = own.effects[effect]
    if result.held is not None and _tests_a_gain(result):
        yield Level(result.sign * float(result.held.minimum) + 0.0, "gate")
    people = None if result.total is None else result.total.people
    for clause in own.contract.prices:
        if clause.effect == effect:
            for threshold in thresholds(clause, people):
                yield Level(result.sign * float(threshold.value) + 0.0, threshold.kind)

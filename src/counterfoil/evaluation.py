"""From contract and study to effects, shares, and a settlement to the cent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from counterfoil.agreement import disagreements
from counterfoil.attribution.money.amounts import exact
from counterfoil.attribution.payment.gate import GateResult, apply_gate
from counterfoil.attribution.payment.pot import PotAndSplit, compare_pot_and_split
from counterfoil.attribution.payment.price import Price
from counterfoil.attribution.payment.settlement import Settlement
from counterfoil.attribution.payment.settling import settle
from counterfoil.attribution.payment.trace import Priced
from counterfoil.attribution.rules import PLAIN
from counterfoil.attribution.shares import Shares, attribute
from counterfoil.contract import Contract, Dividing, Effect
from counterfoil.contradictions import contradictions
from counterfoil.datasets.display import titled_table
from counterfoil.datasets.study import Study
from counterfoil.datasets.table import as_numbers
from counterfoil.errors import ContractError, CounterfoilError, DataError, Problem, raise_any
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.divisible import Divisible
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.experiment import Experiment
from counterfoil.estimators.shrinkage import ShrunkCredits, shrink
from counterfoil.findings import Findings, find
from counterfoil.plain import plain
from counterfoil.result_schema import FORMAT
from counterfoil.verdict import render_text, sentence


@dataclass(frozen=True, slots=True, eq=False)
class EffectResult:
    """What became of one effect.

    Parameters
    ----------
    name : str
        Its name in the contract.
    terms : Effect
        What the contract asks.
    total : Estimate or None
        The gain per person, in the outcome's own sign; None when refused.
    fit : Divisible or None
        The fitted gain of several providers, for effects that have such; the dividing effect's where another one divides.
    shares : Shares or None
        Credits, for effects with a split.
    pot_and_split : PotAndSplit or None
        What the two designs say of the gain, where another effect divides this one's pot.
    gate : GateResult or None
        How the gate stands, for effects that have one.
    noted : tuple of Problem
        Warnings beyond the estimator's own: that pot and split disagree, or cannot be compared.
    refused : tuple of Problem
        Why there is no answer; empty when there is one.
    """

    name: str
    terms: Effect
    total: Estimate | None = None
    fit: Divisible | None = None
    shares: Shares | None = None
    pot_and_split: PotAndSplit | None = None
    gate: GateResult | None = None
    noted: tuple[Problem, ...] = ()
    refused: tuple[Problem, ...] = ()

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What a reader must know before using the effect."""
        own = () if self.total is None else self.total.warnings
        divided = () if self.shares is None else self.shares.warnings
        return tuple(dict.fromkeys((*divided, *own, *self.noted)))

    @property
    def on_credits(self) -> tuple[Problem, ...]:
        """What the credits rest on beyond what the gain does, such as strong parallel trends; it stands beside them."""
        if self.total is None or self.shares is None:
            return ()
        return tuple(problem for problem in self.shares.warnings if problem not in self.total.warnings)

    @property
    def counts(self) -> dict[str, int]:
        """How many people were used, served, or left out for what; empty when refused."""
        found = {} if self.total is None else self.total.diagnostics
        return {name: int(count) for name, count in found.items() if isinstance(count, int | np.integer)}

    @property
    def sign(self) -> int:
        """1 where higher is better, −1 where lower is."""
        return 1 if self.terms.better == "higher" else -1

    def findings(self) -> Findings | None:
        """Return what stands behind the credits, where a gain was divided among providers."""
        if self.shares is None or not isinstance(self.fit, ContributionFit):
            return None
        return find(self.fit, self.shares, self.terms.better, self.terms.groups)

    def shrunk(self, shares: Shares) -> ShrunkCredits | None:
        """Return credits shrunk towards each other, where the contract pays on such."""
        if self.terms.split is None or self.terms.split.credits == "raw" or not isinstance(self.fit, ContributionFit):
            return None
        return shrink(self.fit, shares.rule)

    def priced(self, shares: Shares | None) -> Priced | None:
        """Return the effect as a payment clause sees it, with the credits of some shares."""
        if self.total is None:
            return None
        credits = covariance = None
        groups: dict[str, tuple[str, ...]] = {}
        if shares is not None:
            covariance = shares.credits.cov().tolist()
            pairs = dict(zip(shares.providers, shares.credits.values.tolist(), strict=True))
            if (shrunk := self.shrunk(shares)) is not None:
                pairs = dict(shrunk.credits)
            credits = {provider: exact(self.sign * value) for provider, value in pairs.items()}
            if isinstance(self.fit, ContributionFit):
                groups = dict(zip(self.fit.players.names, self.fit.players.groups, strict=True))
        gain, people = self.sign * float(self.total.values[0]), self.total.people
        basis = f"{gain:,.6g} units of gain per person x {people:,} {self.total.population}"
        return Priced(exact(gain * people), basis, self.gate is None or self.gate.passes, credits, covariance, groups)


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The answer to a contract: effects, shares, settlement, and what they rest on.

    Parameters
    ----------
    contract : Contract
    study : Study
    effects : mapping of str to EffectResult
        In contract order.
    settlement : Settlement or None
        What is due; None when an effect that is paid for was refused.
    refused : tuple of Problem
        Why nothing is settled; empty when something (or nothing due) is.
    """

    contract: Contract
    study: Study
    effects: Mapping[str, EffectResult]
    settlement: Settlement | None
    refused: tuple[Problem, ...] = ()

    @property
    def answered(self) -> bool:
        """Whether every question is answered; that nothing is due is an answer too."""
        return not self.refused and not any(result.refused for result in self.effects.values())

    @property
    def verdict(self) -> str:
        """One sentence: what is due to whom, or why there is no answer."""
        return sentence(self)

    def alternatives(self) -> pd.DataFrame:
        """Return what each party would receive under the agreed rule and every plain one, from the same fits.

        Returns
        -------
        DataFrame
            Columns provider, term (the rule), payment, currency; a rule that a design cannot follow or that the data
            refuse is left out.
        """
        rows: list[dict[str, Any]] = []
        agreed = {name: result.shares for name, result in self.effects.items() if result.shares is not None}
        rules = dict.fromkeys([*(shares.rule.name for shares in agreed.values()), *PLAIN]) if agreed else {}
        for rule in rules:
            try:
                shares = {
                    name: own if own.rule.name == rule else attribute(result.fit, rule, better=result.terms.better)
                    for name, result in self.effects.items()
                    if result.fit is not None and (own := agreed.get(name)) is not None
                }
                settlement = _settle(self.contract, self.effects, shares)
            except CounterfoilError:
                continue
            for party, amount in settlement.by_party().items():
                rows.append({"provider": party, "term": rule, "payment": amount, "currency": settlement.currency})
        return pd.DataFrame(rows, columns=["provider", "term", "payment", "currency"])

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data; money and quantities are decimal text."""
        packages = ("counterfoil", "numpy", "pandas", "scipy", "statsmodels")
        return {
            "format": FORMAT,
            "verdict": self.verdict,
            "answered": self.answered,
            "refused": [problem.to_dict() for problem in self.refused],
            "contract": {
                "name": self.contract.name,
                "currency": self.contract.currency,
                "digest": self.contract.digest,
            },
            "study": {"name": self.study.name, "people": self.study.n_people, "digests": dict(self.study.digests)},
            "effects": {name: _effect_dict(result) for name, result in self.effects.items()},
            "settlement": None if self.settlement is None else _settlement_dict(self.settlement),
            "alternatives": [] if self.settlement is None else self.alternatives().to_dict("records"),
            "versions": {package: version(package) for package in packages},
        }

    def to_json(self) -> str:
        """Return everything as JSON; the same inputs give the same bytes."""
        return json.dumps(plain(self.to_dict()), indent=2, ensure_ascii=False) + "\n"

    def summary(self) -> str:
        """Return verdict, effects, credits and ledger as text."""
        return render_text(self)

    def report(self, path: str | Path | None = None, *, show_small_cells: bool = False) -> str:
        """Return the report as one self-contained HTML page, and write it when a path is given.

        Parameters
        ----------
        path : path, optional
        show_small_cells : bool
            True shows what rests on ten people or fewer; only for readers who may see it.
        """
        from counterfoil.report import render_html

        page = render_html(self, show_small_cells=show_small_cells)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8", newline="\n")
        return page

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        rows = [] if self.settlement is None else list(self.settlement.by_party().items())
        return titled_table(pd.DataFrame(rows, columns=["party", "payment"]).astype(str), self.verdict)


def evaluate(contract: Contract, study: Study) -> Evaluation:
    """Measure the effects of a contract, divide them, and settle.

    A question that the data cannot answer is a coded refusal in the result; a contract or study that does not fit
    its form raises.

    Raises
    ------
    ContractError
        When the contract contradicts itself.
    DataError
        When contract and study do not fit, with every problem at once.

    Examples
    --------
    >>> import counterfoil as cf
    >>> contract = cf.read_contract(cf.datasets.example_folder("rice") / "contract.yaml")
    >>> due = evaluate(contract, cf.datasets.load("rice")).settlement
    >>> {party: str(amount) for party, amount in due.by_party().items()}
    {'default': '2917.29', 'intensive': '72.98'}
    """
    if not isinstance(study, Study):
        raise TypeError("evaluate takes a Study; make one with Study.from_frame or read_study")
    raise_any(contradictions(contract))
    raise_any(disagreements(contract, study))
    effects = divide_pots(contract, {name: measure(contract, study, name) for name in contract.effects})
    paid = contract.paid_effects
    refused = tuple(dict.fromkeys(problem for name in paid for problem in effects[name].refused))
    settlement = None
    if not refused:
        try:
            shares = {name: result.shares for name, result in effects.items() if result.shares is not None}
            settlement = _settle(contract, effects, shares)
        except CounterfoilError as error:
            refused = error.problems
    if not paid:
        refused = tuple(problem for result in effects.values() for problem in result.refused)
    return Evaluation(contract, study, effects, settlement, refused)


def measure(contract: Contract, study: Study, name: str) -> EffectResult:
    """Estimate one effect, hold it against its gate and divide it; a refusal is part of the result.

    An effect that another one divides is left undivided here; see `divide_pots`.
    """
    terms = contract.effects[name]
    result = EffectResult(name, terms)
    try:
        fitted = contract.spec(name).fit(study)
        fit, total = (None, fitted) if isinstance(fitted, Estimate) else (fitted, fitted.total())
        gate = None if terms.gate is None else apply_gate(terms.gate, total, terms.better)
        result = replace(result, total=total, fit=fit, gate=gate)
        if fit is not None and terms.split is not None and terms.split.credits_from is None:
            result = replace(result, shares=attribute(fit, terms.split.rule, better=terms.better, **terms.split.terms))
    except (ContractError, DataError):
        raise
    except CounterfoilError as error:
        return replace(result, refused=error.problems)
    return result


def divide_pots(contract: Contract, effects: Mapping[str, EffectResult]) -> dict[str, EffectResult]:
    """Divide every effect whose credits are another effect's, and hold the gains of the two against each other."""
    return {
        name: result
        if result.total is None or contract.divider(name) == name
        else _divide_pot(contract, result, result.total, effects[contract.divider(name)])
        for name, result in effects.items()
    }


def _divide_pot(contract: Contract, pot: EffectResult, total: Estimate, divider: EffectResult) -> EffectResult:
    split = pot.terms.split
    if divider.fit is None or split is None:
        return replace(pot, refused=(*pot.refused, *divider.refused))
    try:
        shares = attribute(divider.fit, split.rule, better=pot.terms.better, **split.terms)
    except (ContractError, DataError):
        raise
    except CounterfoilError as error:
        return replace(pot, refused=(*pot.refused, *error.problems))
    divided = replace(pot, fit=divider.fit, shares=shares)
    try:
        both = compare_pot_and_split(total, shares.total, as_counts=not contract.counts_unserved(divider.name))
    except CounterfoilError as error:
        problems = error.problems
    else:
        if _served_in_control(contract.spec(pot.name), divider.fit):
            basis = f"{both.basis}; some people in control were served, whose gain only the split counts"
            both = replace(both, basis=basis)
        divided = replace(divided, pot_and_split=both)
        low, high = both.difference.interval()[0].tolist()
        what = (
            f"the gain of '{pot.name}', which fixes the pot, and that of '{divider.name}', which divides it, differ by "
            f"{float(both.difference.values[0]):.4g} per person (95% interval {low:.4g} to {high:.4g})"
        )
        where = contract.where("effects", pot.name, "split")
        problems = (Problem("PAY-005", what, where),) if both.disagree else ()
    if split.disagreement == "refuse":
        return replace(divided, refused=(*divided.refused, *problems))
    return replace(divided, noted=problems)


def _served_in_control(spec: Experiment | Dividing, fit: Divisible) -> bool:
    if not isinstance(spec, Experiment):
        return False
    assigned, _ = as_numbers(fit.sample.study.column(spec.assigned, complete=False))
    return bool(np.asarray(fit.roster.exposure)[assigned == 0].any())


def _settle(contract: Contract, effects: Mapping[str, EffectResult], shares: Mapping[str, Shares]) -> Settlement:
    priced = {name: result.priced(shares.get(name)) for name, result in effects.items()}
    clauses = [
        clause.model_copy(update={"to": contract.receiver(clause)})
        if isinstance(clause, Price) and not (clause.effect is not None and contract.effects[clause.effect].split)
        else clause
        for clause in contract.payments
    ]
    return settle(
        clauses,
        {name: effect for name, effect in priced.items() if effect is not None},
        {name: effect.split for name, effect in contract.effects.items() if effect.split is not None},
        currency=contract.currency,
        payer=contract.payers[0] if contract.payers else "",
        rounding=contract.rounding,
    )


def _effect_dict(result: EffectResult) -> dict[str, Any]:
    found: dict[str, Any] = {
        "outcome": result.terms.outcome,
        "better": result.terms.better,
        "estimator": result.terms.estimator.model_dump(mode="json"),
        "refused": [problem.to_dict() for problem in result.refused],
        "warnings": [problem.to_dict() for problem in result.warnings],
    }
    if result.total is not None:
        total = result.total
        found |= {
            "estimand": total.estimand,
            "error_type": total.error_type,
            "degrees_of_freedom": total.df,
            "clusters": None if total.clusters is None else total.n_clusters,
            "people": total.people,
            "population": total.population,
            "counts": result.counts,
            "std_error_by_type": {name: float(total.using(name).std_error[0]) for name in total.error_types},
            "total": total.tidy().to_dict("records")[0],
        }
    if result.gate is not None:
        gate = result.gate
        tests = [
            {"error_type": test.error_type, "bound": test.bound, "lower": test.lower, "passes": test.passes}
            for test in (gate.decided, *gate.others)
        ]
        found["gate"] = {
            "total_above": gate.terms.total_above,
            "conf_level": gate.terms.conf_level,
            "looks": gate.terms.looks,
            "passes": gate.passes,
            "margin": gate.margin,
            "decided": tests[0],
            "others": tests[1:],
        }
    if (findings := result.findings()) is not None:
        found["findings"] = findings.to_dict()
    if result.shares is not None:
        found["rule"] = result.shares.rule.name
        found["credits"] = result.shares.tidy().to_dict("records")
        found["credit_warnings"] = [problem.to_dict() for problem in result.on_credits]
    if result.pot_and_split is not None and result.terms.split is not None:
        pot, split, difference = result.pot_and_split.both.tidy().to_dict("records")
        found["pot_and_split"] = {
            "credits_from": result.terms.split.credits_from,
            "basis": result.pot_and_split.basis,
            "pot": pot,
            "split": split,
            "difference": difference,
            "disagree": result.pot_and_split.disagree,
        }
    return found


def _settlement_dict(settlement: Settlement) -> dict[str, Any]:
    return {
        "currency": settlement.currency,
        "total": settlement.total,
        "by_party": settlement.by_party(),
        "lines": [
            {
                "clause": line.clause,
                "effect": line.effect,
                "payer": line.payer,
                "provider": line.provider,
                "quantity": line.quantity,
                "price": line.price,
                "payment": line.amount,
                "reason": line.reason,
            }
            for line in settlement.lines
        ],
        "steps": [
            {
                "pot": step.pot,
                "clause": step.clause,
                "effect": step.effect,
                "action": step.action,
                "amount": step.amount,
                "reason": step.reason,
            }
            for step in settlement.steps
        ],
    }

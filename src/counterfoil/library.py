"""The library of public contracts: their terms, what is known of them, and whether the terms come to what was published.

Each contract is a folder with ``contract.yaml`` (the terms) and ``record.yaml`` (figures with marks and sources, and
cases). `compare` settles every case by the terms and holds the result against what the record expects.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from counterfoil import datasets
from counterfoil.amending import changed
from counterfoil.attribution.money.amounts import add, exact
from counterfoil.attribution.payment.condition import holds
from counterfoil.attribution.payment.moment import Moment
from counterfoil.attribution.payment.price import Price
from counterfoil.contract import Contract
from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError, did_you_mean, listed, refusal
from counterfoil.evaluation import Evaluation, evaluate
from counterfoil.measuring import leveled
from counterfoil.reconciliation import Comparison, Settled, compared, reckoned
from counterfoil.record import Case, read_record
from counterfoil.reported import Figure, Reported
from counterfoil.source import read_source

if TYPE_CHECKING:
    import pandas as pd

CONTRACT: Final = "contract.yaml"


def library() -> tuple[str, ...]:
    """Return the identifiers of the public contracts, in alphabetical order.

    Examples
    --------
    >>> "newpin-nsw" in library()
    True
    """
    return tuple(sorted(folder.name for folder in _home().iterdir() if (folder / CONTRACT).is_file()))


def library_folder(name: str) -> Path:
    """Return the folder of a public contract, by its identifier or by a word that only its identifier has.

    Raises
    ------
    DataError
        DATA-018 when there is none of that name.

    Examples
    --------
    >>> library_folder("peterborough").name
    'hmp-peterborough'
    """
    names = library()
    found = [known for known in names if name == known] or [known for known in names if name in known.split("-")]
    if len(found) != 1:
        words = [*names, *(word for known in names for word in known.split("-"))]
        hint = (
            f": it could be {listed(found)}"
            if found
            else did_you_mean(name, words) or f"; there are {listed(names, limit=30)}"
        )
        raise refusal("DATA-018", f"there is no contract '{name}' in the library{hint}")
    return _home() / found[0]


def compare(name: str) -> Comparison:
    """Settle every case of a public contract and hold the result against its record.

    Raises
    ------
    DataError
        DATA-018 when there is no contract of that name.
    """
    folder = library_folder(name)
    record = read_record(folder)
    terms = read_source(folder / CONTRACT).data
    rows = tuple(row for case in record.cases for row in compared(case, answered(terms, case)))
    return Comparison(record, rows)


def evaluate_case(name: str, case: str | None = None) -> Evaluation:
    """Settle one case of a public contract, as its own contract and report would.

    Parameters
    ----------
    name : str
        Of the contract.
    case : str, optional
        Of the case; the first when omitted.

    Raises
    ------
    DataError
        DATA-018 when there is no contract or case of that name.

    Examples
    --------
    >>> evaluate_case("rikers").verdict
    'Nothing is due.'
    """
    folder = library_folder(name)
    cases = {known.name: known for known in read_record(folder).cases}
    if case is not None and case not in cases:
        raise refusal("DATA-018", f"contract '{name}' has no case '{case}'{did_you_mean(case, cases)}")
    chosen = cases[case] if case is not None else next(iter(cases.values()))
    return _evaluated(changed(read_source(folder / CONTRACT).data, chosen.changes), chosen)


def answered(terms: Mapping[str, Any], case: Case) -> Settled:
    """Return what the terms come to in a case: limits and published payments as they stand, all else settled."""
    if case.ledger or case.expected.payer_maxima is not None:
        return reckoned(terms, case)
    return _settled(changed(terms, case.changes), case)


def claims_study(case: Case) -> Study | None:
    """Return the constructed claims of a case as a study, or None where it has none.

    Examples
    --------
    >>> ladder = read_record(library_folder("work-programme")).cases[0]
    >>> claims_study(ladder)
    Study('full ladder, JSA 18-24': 1 people, 0 providers, 0 outcomes, 15 claims)
    """
    import pandas as pd

    if not case.claims:
        return None
    groups = {claim.person: claim.group or "" for claim in case.claims}
    people = pd.DataFrame({"person": list(groups), "group": list(groups.values())})
    each = [claim for claim in case.claims for _ in range(claim.times)]
    claims = pd.DataFrame(
        {
            "claim": range(len(each)),
            "person": [claim.person for claim in each],
            "metric": [claim.metric for claim in each],
            "date": pd.to_datetime([claim.date for claim in each]),
            "quantity": [claim.quantity for claim in each],
            "provider": [claim.provider or "" for claim in each],
        }
    )
    return Study.from_tables(people if any(groups.values()) else people[["person"]], claims=claims, name=case.name)


def every_figure(names: Iterable[str]) -> "pd.DataFrame":
    """Return every figure of some contracts with its marks and source.

    Examples
    --------
    >>> every_figure(["newpin-nsw"]).columns.tolist()
    ['contract', 'figure', 'value', 'marks', 'source']
    """
    import pandas as pd

    rows = [
        (record.contract, known.figure, known.value, ", ".join(known.marks), known.source)
        for record in (read_record(library_folder(name)) for name in names)
        for known in record.figures
    ]
    return pd.DataFrame(rows, columns=["contract", "figure", "value", "marks", "source"])


def _settled(terms: Mapping[str, Any], case: Case) -> Settled:
    """Return what the terms come to in a case; a refusal is an answer too."""
    try:
        evaluation = _evaluated(terms, case)
    except CounterfoilError as error:
        return Settled(refused=error.codes)
    codes = [problem.code for result in evaluation.effects.values() for problem in result.refused]
    refused = tuple(dict.fromkeys([*(problem.code for problem in evaluation.refused), *codes]))
    if evaluation.settlement is None:
        return Settled(values=_values(evaluation), refused=refused)
    settlement = evaluation.settlement
    names = {
        f"payments[{number}]": getattr(clause, "name", None) or ""
        for number, clause in enumerate(evaluation.contract.payments)
    }
    due = [step for step in settlement.steps if step.action == "round" and step.clause == step.pot]
    clauses = {name: add(step.amount for step in due if names[step.pot] == name) for name in names.values() if name}
    return Settled(
        {"total": settlement.total, "gross": add(step.amount for step in due), **_capital(evaluation)},
        clauses,
        settlement.by_party(),
        _values(evaluation),
        {name: exact(result.held.minimum) for name, result in evaluation.effects.items() if result.held is not None},
        _met(evaluation),
        _assigned(evaluation, case),
        refused,
    )


def _evaluated(terms: Mapping[str, Any], case: Case) -> Evaluation:
    reported = Reported(reported=tuple(Figure.model_validate(row.model_dump()) for row in case.reported))
    return evaluate(Contract.model_validate(terms), claims_study(case), reported=reported)


def _values(evaluation: Evaluation) -> dict[str, Decimal]:
    """Return every gain and quantity as last known."""
    found = {
        name: leveled(result.terms, result.own) for name, result in evaluation.effects.items() if result.own is not None
    }
    for name, quantity in evaluation.quantities.items():
        found |= {name: Decimal(0)} if quantity.complete and quantity.base is None else {}
        for period in reversed(evaluation.contract.labels):
            if (known := quantity.within([period])).cells:
                found[name] = known.total
                break
    return found


def _capital(evaluation: Evaluation) -> dict[str, Decimal]:
    onward = evaluation.onward
    if onward is None or not onward.distributions or evaluation.settlement is None:
        return {}
    principal = add(tranche.principal for stack in evaluation.contract.capital for tranche in stack.tranches)
    return {
        "gain": add([evaluation.settlement.total, -principal]),
        "guarantee": add(made.guaranteed for made in onward.distributions),
    }


def _met(evaluation: Evaluation) -> dict[str, bool]:
    """Return for each named price whether its gate is open and its condition holds in the last period that is settled."""
    settlement = evaluation.settlement
    if settlement is None or settlement.inputs is None:
        return {}
    inputs = settlement.inputs
    found: dict[str, bool] = {}
    for number, period in enumerate(inputs.periods):
        if period in inputs.skipped:
            continue
        moment = Moment(period, inputs.periods[: number + 1], inputs.quantities, inputs.effects, inputs.cumulative)
        for clause in evaluation.contract.prices:
            if clause.name is not None and (not clause.periods or period in clause.periods):
                found[clause.name] = _open(clause, moment)
    return found


def _open(clause: Price, moment: Moment) -> bool:
    priced = None if clause.effect is None else moment.gain(clause.effect)
    gate = priced is None or priced.gate_passes
    return gate and (clause.only_if is None or holds(clause.only_if, moment)[0])


def _assigned(evaluation: Evaluation, case: Case) -> dict[str, str]:
    """Return the provider to whom each constructed person was assigned."""
    if evaluation.study is None or not case.expected.assigned:
        return {}
    ids = evaluation.study.ids
    return {
        str(ids[cell.person]): cell.provider
        for quantity in evaluation.quantities.values()
        for cell in quantity.by_person or ()
        if cell.person is not None and cell.provider
    }


def _home() -> Path:
    return Path(datasets.__file__).resolve().parent / "data" / "contracts"

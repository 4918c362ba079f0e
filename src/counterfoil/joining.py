"""Whether the parts of an effect made of others can be joined person by person, told before outcomes are read."""

from collections.abc import Iterator, Mapping

import pandas as pd

from counterfoil.contract import Composed, Contract, Effect
from counterfoil.errors import Problem
from counterfoil.estimators.estimate import AS_STATED, Estimate
from counterfoil.estimators.matching.matching import Matching


def unjoinable(contract: Contract, name: str, totals: Mapping[str, Estimate]) -> Iterator[Problem]:
    """Yield EST-008 for each part whose errors are no sum over people, although it shares people with another part.

    Parameters
    ----------
    contract : Contract
    name : str
        An effect made of others.
    totals : mapping of str to Estimate
        Its parts, as far as they are known.
    """
    if any(total.error_type == "unknown" for total in totals.values()):
        return  # such an effect has values alone, and nothing is joined
    people = {part: pd.Index(total.ids) for part, total in totals.items() if total.ids is not None}
    for part, total in totals.items():
        if total.error_type not in AS_STATED or part not in people:
            continue
        if not any(people[part].isin(ids).any() for other, ids in people.items() if other != part):
            continue
        spec = contract.effects[part].estimator
        what = (
            f"effect '{part}' has {total.error_type} errors, which are no sum over people, and effect '{name}' joins it with "
            "others person by person"
        )
        key, mend = ("errors", "errors: scores") if isinstance(spec, Matching) else ("vcov", "vcov: HC1")
        place = contract.where("effects", part, "estimator", *([key] if key in spec.model_fields_set else []))
        yield Problem("EST-008", what, place, f"write `{mend}` under the estimator of '{part}'")


def leaves(effects: Mapping[str, Effect], name: str) -> Iterator[str]:
    """Yield the effects that one made of others rests on in the end."""
    spec = effects[name].estimator
    for part in spec.of if isinstance(spec, Composed) else ():
        if isinstance(effects[part].estimator, Composed):
            yield from leaves(effects, part)
        else:
            yield part

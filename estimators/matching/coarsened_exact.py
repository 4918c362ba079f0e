"""Exact and coarsened exact matching: people are compared who are alike in every covariate, once numbers are cut into bins.

Everybody alike is one set; sets of one group only are left out with their people, so that the effect is of those who remain. What a
bin is worth is a judgement about the covariate: declared cutpoints say more than a rule. Numbers without any are cut into bins of
equal width by Sturges' rule, and otherwise as ``cuts`` says.

Sources: Iacus, King and Porro (2012), *Causal inference without balance checking: coarsened exact matching*, Political Analysis 20(1).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from counterfoil.datasets.table import as_numbers, as_text, blank, is_number
from counterfoil.errors import did_you_mean, listed, refusal
from counterfoil.estimators.matching.cuts import bin_codes
from counterfoil.estimators.matching.matches import Positions, Strata
from counterfoil.estimators.matching.methods import Found, Request
from counterfoil.estimators.matching.strata import joint_codes, thin_sets, with_both_groups


def exact(request: Request) -> Found:
    """Return sets of people with equal covariates; what is blank is a value of its own.

    Parameters
    ----------
    request : Request
    """
    study = request.sample.study
    return _found(request, [value_codes(study.column(name, complete=False)) for name in request.spec.covariates])


def coarsened_exact(request: Request) -> Found:
    """Return sets of people whose covariates are equal once numbers are cut and levels merged.

    Parameters
    ----------
    request : Request

    Raises
    ------
    DataError
        DATA-013 where words are to be cut.
    ContractError
        CONTRACT-016 where a level to be merged is not there.
    """
    study, spec = request.sample.study, request.spec
    columns = []
    for name in spec.covariates:
        column = study.column(name, complete=False)
        if is_number(column):
            if name in spec.merge:
                raise refusal("DATA-013", f"column '{name}' holds numbers, which `cutpoints` cut", "people")
            columns.append(bin_codes(column, spec.cutpoints.get(name, "sturges")))
        elif name in spec.cutpoints:
            fix = "merge its levels under `merge`"
            raise refusal("DATA-013", f"column '{name}' holds words, which have no cutpoints", "people", fix)
        else:
            columns.append(value_codes(merged(column, spec.merge.get(name, {}), name)))
    return _found(request, columns)


def _found(request: Request, columns: list[Positions]) -> Found:
    sample = request.sample
    codes = joint_codes([request.blocks, *columns], sample.n)
    group = np.asarray(sample.codes > 0, dtype=np.intp)
    strata = Strata(with_both_groups(codes, group), group, request.focal, sample.weights)
    kept = int(strata.sets.max(initial=-1)) + 1
    counts = {"sets": kept, "sets_of_one_group": int(codes.max(initial=-1)) + 1 - kept}
    return Found(strata, counts, thin_sets(strata))


def value_codes(column: Any) -> Positions:
    """Return a code for each value of a column, (n,), in order of the values; blanks have the first of their own."""
    lacking = blank(column)
    values = as_numbers(column)[0] if is_number(column) else np.asarray(as_text(column).to_numpy(), dtype=str)
    codes = np.zeros(len(values), dtype=np.intp)
    codes[~lacking] = np.unique(values[~lacking], return_inverse=True)[1] + 1
    return codes


def merged(column: Any, groups: Mapping[str, tuple[str, ...]], name: str) -> Any:
    """Return words with the levels of each group called by the group's name.

    Raises
    ------
    ContractError
        CONTRACT-016 for a level that the column has not.

    Examples
    --------
    >>> import pandas as pd
    >>> merged(pd.Series(["a", "b", "c"]), {"b or c": ("b", "c")}, "site").tolist()
    ['a', 'b or c', 'b or c']
    """
    if not groups:
        return column
    words = as_text(column)
    there = set(words[~blank(column)])
    place = {level: group for group, levels in groups.items() for level in levels}
    unknown = [level for level in place if level not in there]
    if unknown:
        hint = did_you_mean(unknown[0], there)
        what = f"`merge` names {listed(unknown)}, which column '{name}' has not{hint}"
        raise refusal("CONTRACT-016", what, f"people, column '{name}'")
    return words.map(lambda word: place.get(word, word)).where(~blank(column), column.astype(object))

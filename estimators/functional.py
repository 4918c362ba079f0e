"""A rule applied to a surface: for each person and provider, Σ_b κ_j(b; A_i) m(b, X_i), and its Riesz weight.

With basis rows B_i, the functional of row j is M_ij′β. On the regression path its Riesz weight is
α_ij = B_i′ (B′B/n)⁻¹ mean(M_j) (automatic debiasing: Chernozhukov, Newey and Singh 2022); on the augmented path it is
α_ij = Σ_{a′ ⊇ A_i} κ̄_j(A_i; a′, X_i) π_{a′}(X_i) / π_{A_i}(X_i).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.roster import Roster
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.blocks import Block, everybody_has_all
from counterfoil.estimators.coalition import Lookup, pattern_words, subset_words
from counterfoil.estimators.kernel import LARGEST_PATTERN, FloatArray, GrandTotal, Kernel
from counterfoil.estimators.least_squares import LeastSquares
from counterfoil.estimators.surface import Surface

NAMED: Final = 6
"""Missing combinations that a message names."""


@dataclass(frozen=True, slots=True, eq=False)
class Applied:
    """What a kernel makes of a surface.

    ``fixed`` (n, m) is Σ_b κ m(b, X); ``riesz`` (n, m) multiplies the residual, and ``correction`` is their product;
    ``direction`` (m, p) is the combination of the regression path's coefficients; ``own`` (n, m) is κ_j(A_i; A_i), the
    weight of a person's own outcome, and ``luck`` its product with the residual.
    """

    fixed: FloatArray
    riesz: FloatArray
    correction: FloatArray
    direction: FloatArray | None
    own: FloatArray
    luck: FloatArray
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """People to whom a rule applies the same table, up to their records.

    Parameters
    ----------
    people, unit : ndarray of int, shape (n,)
        Rows of the study, and which row of members, rows and columns is each person's.
    members : ndarray of int, shape (n_units, ℓ)
    rows : ndarray of int, shape (n_units, n_rows)
        The results that the rows of the table contribute to.
    columns : ndarray of int, shape (n_units, n_subsets)
        The term of each coalition, −1 for none.
    subsets : ndarray of int, shape (n_subsets,)
        Local bitmasks of the coalitions.
    table : ndarray, shape (n_rows, n_subsets), or (n, n_rows, n_subsets) with records
        κ for a saturated model, λ for the others.
    own : ndarray, shape (n_rows,) or (n, n_rows)
        κ_j(a; a).
    used : ndarray of bool, shape (2^ℓ,)
        Which coalitions the rule compares with; empty beyond the largest pattern that is tabulated.
    """

    people: NDArray[np.intp]
    unit: NDArray[np.intp]
    members: NDArray[np.intp]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    subsets: NDArray[np.intp]
    table: FloatArray
    own: FloatArray
    used: NDArray[np.bool_]


def apply_kernel(
    surface: Surface,
    roster: Roster,
    kernel: Kernel,
    everything: NDArray[np.intp] | None,
    names: Sequence[str],
    among: FloatArray | None = None,
) -> Applied:
    """Apply a rule to a fitted surface.

    Parameters
    ----------
    surface : Surface
    roster : Roster
    kernel : Kernel
    everything : ndarray of int, or None
        Columns of the roster that everybody is taken to have had; None for what people really had.
    names : sequence of str
        The players, for messages.
    among : ndarray, shape (n,), optional
        Weights of the people whose gain is meant, such as 0 and 1; a function of their covariates.

    Raises
    ------
    IdentificationError
        IDENT-002, IDENT-003 or IDENT-004 when the data do not determine the credits.
    AttributionError
        ATTR-002 or ATTR-003 without the doses that the rule needs, ATTR-004 for a person with too many providers.
    """
    _check_record(roster, kernel, everything is not None)
    size = kernel.size(len(roster.providers))
    parts = list(parts_of(surface, roster, kernel, everything))
    missing = _missing(surface, roster, parts)
    _refuse_missing(surface, roster, missing)
    fixed, own = np.zeros((len(surface.weights), size)), np.zeros((len(surface.weights), size))
    for part in parts:
        into = (part.people[:, None], part.rows[part.unit])
        fixed[into], own[into] = _values(surface, part), part.own
    direction = None
    if surface.fit is not None:
        row = _direction(surface, parts, size, surface.weights if among is None else surface.weights * among)
        _refuse_inestimable(surface.fit, roster, kernel, row, names)
        direction = row[:, surface.fit.kept]
    if surface.propensity is not None or direction is None:
        direction = None
        riesz = _augmented_riesz(surface, roster, parts, size)
        riesz = riesz if among is None else riesz * among[:, None]
    else:
        riesz = _regression_riesz(surface, direction)
    if among is not None:
        fixed, own = fixed * among[:, None], own * among[:, None]
    riesz = riesz * surface.answered[:, None]
    residuals = surface.residuals[:, None]
    warnings = _extrapolation(surface, roster, missing)
    return Applied(fixed, riesz, riesz * residuals, direction, own, own * residuals, warnings)


def _values(surface: Surface, part: Part) -> FloatArray:
    """Return Σ_b κ m(b, X) for the people of a part, shape (n, n_rows); coalitions without a term add nothing."""
    if surface.contrasts is not None:
        padded = np.column_stack([surface.contrasts[part.people], np.zeros(len(part.people))])
        values = np.take_along_axis(padded, part.columns[part.unit], axis=1)
        equation = "rs,ns->nr" if part.table.ndim == 2 else "nrs,ns->nr"
        return np.asarray(np.einsum(equation, part.table, values))
    slopes, h = np.vstack([surface.slopes, np.zeros(surface.modifiers.shape[1])]), surface.modifiers[part.people]
    if part.table.ndim == 2:
        effect = np.einsum("rs,ush->urh", part.table, slopes[part.columns])[part.unit]
    else:
        effect = np.einsum("nrs,nsh->nrh", part.table, slopes[part.columns[part.unit]])
    return np.asarray(np.einsum("nrh,nh->nr", effect, h))


def _direction(surface: Surface, parts: Sequence[Part], size: int, weights: FloatArray) -> FloatArray:
    """Return mean M, shape (size, n_columns): the combination of coefficients that each result is."""
    modifiers = surface.modifiers.shape[1]
    mean = np.zeros((size, len(surface.terms) + 1, modifiers))
    for part in parts:
        h = weights[part.people, None] * surface.modifiers[part.people]
        if part.table.ndim == 2:
            weight = np.zeros((len(part.members), modifiers))
            np.add.at(weight, part.unit, h)
            share = part.table[None, :, :, None] * weight[:, None, None, :]
            np.add.at(mean, (part.rows[:, :, None], part.columns[:, None, :]), share)
        else:
            share = part.table[:, :, :, None] * h[:, None, None, :]
            np.add.at(mean, (part.rows[part.unit][:, :, None], part.columns[part.unit][:, None, :]), share)
    short = mean[:, :-1].reshape(size, -1) / len(weights)
    return np.hstack([np.zeros((size, surface.controls.shape[1])), short])


def _regression_riesz(surface: Surface, direction: FloatArray) -> FloatArray:
    design, fit = surface.regression
    spread = np.zeros((design.shape[1], len(direction)))
    spread[fit.kept] = fit.bread @ direction.T
    return np.asarray(len(surface.weights) * (design @ spread))


def averaged(parts: Sequence[Applied]) -> Applied:
    """Return the mean over several surfaces, such as those of repeated cross-fitting."""
    if len(parts) == 1:
        return parts[0]
    means = {
        name: np.mean([getattr(part, name) for part in parts], axis=0)
        for name in ("fixed", "riesz", "correction", "own", "luck")
    }
    warnings = tuple(dict.fromkeys(problem for part in parts for problem in part.warnings))
    return Applied(direction=None, warnings=warnings, **means)


def side_by_side(one: Applied, other: Applied) -> Applied:
    """Return two results of the same surface as one."""
    direction = None
    if one.direction is not None and other.direction is not None:
        direction = np.vstack([one.direction, other.direction])
    return Applied(
        np.hstack([one.fixed, other.fixed]),
        np.hstack([one.riesz, other.riesz]),
        np.hstack([one.correction, other.correction]),
        direction,
        np.hstack([one.own, other.own]),
        np.hstack([one.luck, other.luck]),
        tuple(dict.fromkeys((*one.warnings, *other.warnings))),
    )


def _check_record(roster: Roster, kernel: Kernel, everyone: bool) -> None:
    if not kernel.needs:
        return
    if everyone:
        raise refusal("ATTR-003", f"rule {kernel.name} divides by {kernel.needs}")
    if (roster.dose if kernel.needs == "dose" else roster.start) is None:
        what = f"rule {kernel.name} looks at '{kernel.needs}', and the services table has no such column"
        raise refusal("ATTR-002", what)


def parts_of(surface: Surface, roster: Roster, kernel: Kernel, everything: NDArray[np.intp] | None) -> Iterator[Part]:
    """Yield everybody who has a provider, by what the rule's table depends on; see `apply_kernel`.

    Raises
    ------
    AttributionError
        ATTR-002 when a record that the rule needs is blank, ATTR-004 when a saturated model meets a person with more
        providers than are tabulated.
    """
    n, players = roster.exposure.shape
    blocks = surface.blocks
    if everything is not None:
        blocks = (everybody_has_all(n, everything, players, surface.terms, surface.saturated),)
    for block in blocks:
        ell = block.members.shape[1]
        if surface.saturated and ell > LARGEST_PATTERN:
            raise refusal("ATTR-004", f"somebody has {ell} providers, more than {LARGEST_PATTERN}")
        keys = [kernel.alike(tuple(row)) for row in block.members.tolist()]
        names = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        kind = np.array([names[key] for key in keys], dtype=np.intp)
        for number in names.values():
            yield _part(surface, roster, kernel, block, np.flatnonzero(kind == number))


def _part(surface: Surface, roster: Roster, kernel: Kernel, block: Block, units: NDArray[np.intp]) -> Part:
    place = np.full(len(block.members), -1, dtype=np.intp)
    place[units] = np.arange(len(units))
    chosen = np.flatnonzero(place[block.unit] >= 0)
    people, unit = block.people[chosen], place[block.unit[chosen]]
    members = block.members[units]
    first = tuple(members[0].tolist())
    record = _record(roster, kernel, people, members[unit])
    weights = kernel.weights(first, record) if len(first) <= LARGEST_PATTERN else None
    used = np.empty(0, dtype=bool)
    if weights is not None:
        used = np.abs(weights.reshape(-1, weights.shape[-1])).max(axis=0, initial=0.0) > 0
    table = (
        weights if surface.saturated and weights is not None else kernel.dividend_shares(first, block.subsets, record)
    )
    # κ_j(a; a) = λ_j(a; a): only the largest coalition contains all of a.
    own = kernel.dividend_shares(first, np.array([(1 << len(first)) - 1], dtype=np.intp), record)[..., 0]
    players = len(roster.providers)
    rows = np.array([list(kernel.rows(players, row)) for row in members.tolist()], dtype=np.intp)
    return Part(people, unit, members, rows, block.columns[units], block.subsets, table, own, used)


def _record(roster: Roster, kernel: Kernel, people: NDArray[np.intp], members: NDArray[np.intp]) -> FloatArray | None:
    """Return what a rule asks of people: doses or start days of their providers, shape (n, ℓ)."""
    table = {"dose": roster.dose, "start": roster.start}.get(kernel.needs)
    if table is None:
        return None
    record = table[people[:, None], members]
    if np.isnan(record).any():
        missing = int(np.isnan(record).any(axis=1).sum())
        raise refusal("ATTR-002", f"rule {kernel.name} looks at '{kernel.needs}', which is blank for {missing} people")
    return record


@dataclass(frozen=True, slots=True)
class Missing:
    """Coalitions that a rule compares with and nobody had: how many, and those that concern most people, first."""

    count: int
    worst: tuple[tuple[int, ...], ...]
    nobody: bool


def _missing(surface: Surface, roster: Roster, parts: Sequence[Part]) -> Missing:
    players = len(roster.providers)
    observed = Lookup.of(pattern_words(surface.patterns))
    absent_words, concerned, places = [], [], []
    for number, part in enumerate(parts):
        used = np.flatnonzero(part.used)
        words = subset_words(part.members, used, players)
        unit, place = np.nonzero(observed.find(words) < 0)
        absent_words.append(words[unit, place])
        concerned.append(np.bincount(part.unit, minlength=len(part.members))[unit])
        places.append(np.column_stack([np.full(len(unit), number), unit, used[place]]))
    if not sum(map(len, absent_words)):
        return Missing(0, (), nobody=False)
    found, first, inverse = np.unique(np.concatenate(absent_words), return_index=True, return_inverse=True)
    people = np.bincount(inverse.reshape(-1), weights=np.concatenate(concerned))
    place = np.concatenate(places)[first]
    worst = [
        tuple(int(j) for r, j in enumerate(parts[number].members[unit]) if mask >> r & 1)
        for number, unit, mask in place[np.argsort(-people, kind="stable")[:NAMED]].tolist()
    ]
    return Missing(len(found), tuple(worst), bool((found == 0).any()))


def _refuse_missing(surface: Surface, roster: Roster, missing: Missing) -> None:
    if missing.nobody:
        # Only a model's shape could say what happens without services, and a gain is not made of a shape.
        raise refusal("IDENT-004", "everybody in the study was served", "services")
    if surface.saturated and missing.count:
        raise refusal("IDENT-002", f"nobody had exactly: {_names(missing, roster)}", "services")


def _refuse_inestimable(
    fit: LeastSquares, roster: Roster, kernel: Kernel, row: FloatArray, players: Sequence[str]
) -> None:
    known = fit.estimable(row)
    if known.all():
        return
    served = roster.exposure.any(axis=1).all()
    one_each = len(row) == len(players) and not isinstance(kernel, GrandTotal)
    if served and one_each and (roster.exposure.all(axis=0) & ~known).any():
        everywhere = [roster.providers[j] for j in np.flatnonzero(roster.exposure.all(axis=0))]
        raise refusal("IDENT-004", f"everybody was served by {listed(everywhere)}", "services")
    if not one_each:
        raise refusal(
            "IDENT-004" if served else "IDENT-003", f"the {kernel.name} gain is not determined by the data", "services"
        )
    names = [players[j] for j in np.flatnonzero(~known).tolist()]
    raise refusal("IDENT-003", f"the data do not separate the credits of {listed(names)}", "services")


def _extrapolation(surface: Surface, roster: Roster, missing: Missing) -> tuple[Problem, ...]:
    if surface.saturated or not missing.count:
        return ()
    what = f"{missing.count} combinations that nobody had are filled in by the model: {_names(missing, roster)}"
    return (Problem("IDENT-009", what, "services"),)


def _names(missing: Missing, roster: Roster) -> str:
    names = [" + ".join(roster.providers[j] for j in term) or "no provider at all" for term in missing.worst]
    more = missing.count - len(names)
    return listed(names, limit=NAMED) + (f" and {more} more" if more else "")


def _augmented_riesz(surface: Surface, roster: Roster, parts: Sequence[Part], size: int) -> FloatArray:
    riesz = np.zeros((len(surface.weights), size))
    for part, unit, people, weight in augmented_weights(surface, roster, parts):
        riesz[np.ix_(people, part.rows[unit])] += weight
    return riesz


def augmented_weights(
    surface: Surface, roster: Roster, parts: Sequence[Part]
) -> Iterator[tuple[Part, int, NDArray[np.intp], FloatArray]]:
    """Yield, for each pattern and coalition of it, the people with that coalition and their α (n_people, n_rows).

    Weights that depend on doses are averaged over people like X within the larger pattern: somebody with the smaller
    pattern has no doses for it.
    """
    if surface.propensity is None:
        raise ValueError("the augmented path needs propensities")
    observed = Lookup.of(pattern_words(surface.patterns))
    order = np.argsort(surface.pattern, kind="stable")
    people_of = np.split(order, np.cumsum(np.bincount(surface.pattern, minlength=len(surface.patterns)))[:-1])
    for part in parts:
        below = observed.find(subset_words(part.members, part.subsets, len(roster.providers)))
        for unit in range(len(part.members)):
            among = part.people[part.unit == unit]
            table = part.table if part.table.ndim == 2 else part.table[part.unit == unit]
            chance = surface.propensity[:, below[unit, -1]]
            for place, own in enumerate(below[unit].tolist()):
                if own < 0 or not np.any(table[..., place]):
                    continue
                people = people_of[own]
                ratio = (chance[people] / surface.propensity[people, own])[:, None]
                if table.ndim == 3:
                    yield part, unit, people, _averaged(surface, among, table[..., place], people) * ratio
                else:
                    yield part, unit, people, table[:, place] * ratio


def _averaged(surface: Surface, among: NDArray[np.intp], table: FloatArray, people: NDArray[np.intp]) -> FloatArray:
    """Return the mean of ``table`` (n_among, rows) for people like each of ``people``: a line through the group's mean.

    The line is through the mean, and of least slope where the group is small, so that weights which sum to a constant
    still do.
    """
    weights = surface.weights[among]
    x, centre = surface.controls[among, 1:], np.average(surface.controls[among, 1:], axis=0, weights=weights)
    mean = np.average(table, axis=0, weights=weights)
    root = np.sqrt(weights)[:, None]
    slope = np.linalg.lstsq(root * (x - centre), root * (table - mean), rcond=None)[0]
    return np.asarray(mean + (surface.controls[people, 1:] - centre) @ slope)

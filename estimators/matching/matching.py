"""Matching: each treated person is held against untreated people who are alike, found without looking at outcomes.

The effect on the treated is the mean of τ̂_i = Y_i − Σ_j w_ij Y_j over the treated i who have partners j (and in the same way for
the untreated, or for everybody).

Sources: Rubin (1973), Biometrics 29(1), for nearest neighbours; Rosenbaum and Rubin (1985), The American Statistician 39(1), for
calipers on the log-odds; Abadie and Imbens (2006), Econometrica 74(1), (2011), Journal of Business & Economic Statistics 29(1),
(2012), Journal of the American Statistical Association 107(498), and (2016), Econometrica 84(2), and Abadie and Spiess (2022),
Journal of the American Statistical Association 117(538), for errors. Each other way to match
cites its own.
"""

from typing import ClassVar, Literal

import pandas as pd
from pydantic import ConfigDict, Field, model_validator

from counterfoil.datasets.study import Study
from counterfoil.estimators.comparisons.compared import ComparisonFit
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.comparisons.score import SCORE_DESCRIPTION, ScoreModel
from counterfoil.estimators.matching.cuts import Cut
from counterfoil.estimators.matching.matched import Matched
from counterfoil.estimators.matching.stratified import STRATIFIED
from counterfoil.estimators.spec import OwnRules

Method = Literal["nearest", "optimal", "full", "exact", "coarsened_exact", "subclassification"]
MatchedErrors = Literal["abadie_imbens", "matched_sets", "scores"]


class Matching(ComparisonDesign):
    """A request for a matched comparison.

    Examples
    --------
    >>> import counterfoil as cf
    >>> design = Matching(treated="treat", outcome="earnings", covariates=("age", "education"), distance="mahalanobis")
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "kind": "matching",
                    "treated": "trained",
                    "covariates": ["age"],
                    "exact": ["worked_before"],
                    "caliper": 2,
                },
                {
                    "kind": "matching",
                    "treated": "trained",
                    "covariates": ["age"],
                    "distance": "scaled",
                    "replace": True,
                },
                {
                    "kind": "matching",
                    "treated": "trained",
                    "covariates": ["age"],
                    "method": "coarsened_exact",
                    "cutpoints": {"age": [30]},
                },
            ]
        },
    )
    own_rules: ClassVar[OwnRules] = OwnRules(
        (), "a matched comparison measures one programme as a whole, so there are no credits to split by"
    )

    kind: Literal["matching"] = Field("matching", description="Which estimator this is.")
    method: Method = Field(
        "nearest",
        description="nearest: each person gets the nearest free one, one person after another; optimal: pairs whose distances "
        "are smallest in sum; full: everybody is in a set with at least one person of each group; exact: sets of people alike "
        "in every covariate; coarsened_exact: alike once numbers are cut into bins; subclassification: sets of people with "
        "similar scores.",
    )
    estimand: Literal["att", "atc", "ate"] = Field(
        "att", description="Whose average effect: of the treated (att), of the untreated (atc), or of everybody (ate)."
    )
    distance: Literal["score", "linear_score", "mahalanobis", "scaled"] = Field(
        "linear_score",
        description="How alike two people are: by their chance of being treated, by its log-odds, by all covariates allowing for "
        "how they go together (mahalanobis), or by each covariate in its own standard deviations (scaled).",
    )
    score: ScoreModel = Field("logit", description=SCORE_DESCRIPTION)
    ratio: int = Field(
        1,
        ge=1,
        description="How many partners each person gets. Where caliper or exact columns leave fewer, a person keeps those there "
        "are (a variable ratio), but no fewer than `min_ratio`.",
    )
    min_ratio: int = Field(
        1, ge=1, description="People for whom fewer partners are found stay unmatched and are counted."
    )
    replace: bool = Field(False, description="Whether one person may be partner of several.")
    caliper: float | None = Field(
        None,
        gt=0,
        description="How far apart partners may be, in standard deviations (over everybody) of the log-odds of being treated, or "
        "of the chance itself with `distance: score`. People with nobody so near are left out, and counted.",
    )
    exact: tuple[str, ...] = Field((), description="Columns of people in which partners must be equal.")
    order: Literal["largest", "smallest", "data", "random"] = Field(
        "largest",
        description="Who chooses first where partners are used once: those with the largest or smallest chance of being treated, "
        "by person id (data), or by lot (random, with `seed`). People who tie choose by person id.",
    )
    seed: int = Field(0, ge=0, description="Of a random order, and of a learner's own randomness.")
    subclasses: int = Field(5, ge=2, description="How many sets subclassification makes.")
    cutpoints: dict[str, Cut] = Field(
        default_factory=dict,
        description="For coarsened_exact: the numbers from which a covariate's second and later bins begin, or how many bins of "
        "equal width there are, or sturges, freedman_diaconis or quartiles. Numbers without cutpoints are cut by Sturges' rule.",
    )
    merge: dict[str, dict[str, tuple[str, ...]]] = Field(
        default_factory=dict,
        description="For coarsened_exact: words of a covariate that count as one, under a name for them; others stay as they are.",
    )
    max_ratio: int | None = Field(
        None,
        ge=1,
        description="For optimal: a person may get up to so many partners, and `ratio` on average. For full: how many people of one "
        "group a set has at most for one of the other. When omitted: `ratio` for everybody, and sets of any size.",
    )
    bias_adjustment: bool | tuple[str, ...] = Field(
        False,
        description="Whether what partners still differ in is adjusted for by a regression among partners (Abadie and Imbens "
        "2011): in all covariates, or in those named.",
    )
    errors: MatchedErrors | None = Field(
        None,
        description="abadie_imbens: by Abadie and Imbens, the default where people may be partners of several; matched_sets: by "
        "matched set, the default where nobody is in two sets; scores: each person's own part, the default with clusters, "
        "which can be joined with other estimates, and the only ones of exact, coarsened_exact and subclassification.",
    )
    variance: Literal["neighbours", "equal"] = Field(
        "neighbours",
        description="How far outcomes vary among people alike, for abadie_imbens errors: from the two nearest people of the same "
        "group, or taken as equal for everybody.",
    )

    @model_validator(mode="after")
    def _matching_fits(self) -> "Matching":
        if self.min_ratio > self.ratio:
            raise ValueError(f"`min_ratio` {self.min_ratio} is more than `ratio` {self.ratio}")
        if self.method == "nearest" and self.estimand == "ate" and not self.replace:
            raise ValueError("`estimand: ate` by nearest neighbours needs `replace: true`: everybody needs a partner")
        if self.method == "optimal" and self.estimand == "ate":
            raise ValueError(
                "`estimand: ate` needs a partner for everybody, which pairs do not give; use `method: full`"
            )
        self._refuse_strangers()
        if self.replace and self.method != "nearest":
            raise ValueError(f"`replace` is for `method: nearest`; {self.method} puts everybody in one set")
        unknown = [name for name in self.adjusted if name not in self.covariates]
        if unknown:
            raise ValueError(f"`bias_adjustment` names {', '.join(unknown)}, which `covariates` does not")
        if self.errors in ("abadie_imbens", "matched_sets"):
            for name in ("cluster", "vcov"):
                if getattr(self, name) is not None:
                    raise ValueError(f"`errors: {self.errors}` has no `{name}`; use `errors: scores` with it")
        defined = {"HC0", "HC1", "CR0", "CR1"} | ({"HC2", "HC3"} if self.method in STRATIFIED else set())
        if self.vcov is not None and self.vcov not in defined:
            raise ValueError(
                f"vcov {self.vcov} is not defined for matching by {self.method}; use one of {', '.join(sorted(defined))}"
            )
        if self.errors == "matched_sets" and self.replace:
            raise ValueError(
                "`errors: matched_sets` needs `replace: false`: with replacement a person is in several sets"
            )
        return self

    def _refuse_strangers(self) -> None:
        """Refuse terms that say nothing of the method."""
        if self.max_ratio is not None and (self.method not in ("optimal", "full") or self.max_ratio < self.ratio):
            raise ValueError("`max_ratio` is for `method: optimal` or `full`, and no less than `ratio`")
        if self.caliper is not None and self.method in STRATIFIED:
            raise ValueError(f"`method: {self.method}` has no distances for a `caliper`")
        if self.ratio > 1 and self.method not in ("nearest", "optimal"):
            raise ValueError(f"`ratio` is for `method: nearest` or `optimal`; {self.method} makes sets of any size")
        if "subclasses" in self.model_fields_set and self.method != "subclassification":
            raise ValueError("`subclasses` is for `method: subclassification`")
        if (self.cutpoints or self.merge) and self.method != "coarsened_exact":
            raise ValueError("`cutpoints` and `merge` are for `method: coarsened_exact`")
        unknown = [name for name in (*self.cutpoints, *self.merge) if name not in self.covariates]
        if unknown:
            raise ValueError(f"`cutpoints` or `merge` names {', '.join(unknown)}, which `covariates` does not")
        levels = [[word for words in groups.values() for word in words] for groups in self.merge.values()]
        if any(len(set(words)) < len(words) for words in levels):
            raise ValueError("`merge` names a word twice")
        if self.method in STRATIFIED and self.errors not in (None, "scores"):
            raise ValueError(
                f"`method: {self.method}` has errors from how outcomes vary within sets; leave `errors` out"
            )
        bad = [c for c in self.cutpoints.values() if (isinstance(c, int) and c < 1) or (isinstance(c, tuple) and not c)]
        if bad:
            raise ValueError("`cutpoints` are numbers, or a number of bins of at least 1")

    @property
    def adjusted(self) -> tuple[str, ...]:
        """The covariates of the bias adjustment."""
        if isinstance(self.bias_adjustment, tuple):
            return self.bias_adjustment
        return self.covariates if self.bias_adjustment else ()

    def columns(self) -> tuple[str, ...]:
        """Return the columns of people that the design uses, apart from covariates."""
        return (*super().columns(), *self.exact)

    def build(self, data: Study | pd.DataFrame) -> Matched:
        """Match people without reading outcomes.

        Parameters
        ----------
        data : Study or DataFrame
            A frame's index is the person id.

        Raises
        ------
        DataError, IdentificationError, EstimationError
            As `draw_comparison` and `fit_score`; IDENT-038 when nobody has a partner.
        ContractError
            CONTRACT-016 when several groups are compared and none is named.
        """
        from counterfoil.estimators.matching.build import build

        return build(self, data)

    def fit(self, data: Study | pd.DataFrame) -> ComparisonFit:
        """Match people, then measure.

        Raises
        ------
        CounterfoilError
            As `build` and `Matched.effect`.
        """
        matched = self.build(data)
        return ComparisonFit(matched, matched.effect(), self.period)

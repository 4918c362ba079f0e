"""Learners of nuisance functions: what a contract may ask for by name.

A learner in a spec is ``{name, params}`` from an allow-list, so that a contract can be read, hashed and rerun by others.
In Python a scikit-learn estimator is accepted in its place; a spec that holds one refuses to be written.

Sources: Chernozhukov and others (2018) for learners as nuisances; Pedregosa and others (2011) for scikit-learn.
"""

import inspect
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, Final

from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    SerializationInfo,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from counterfoil.errors import did_you_mean
from counterfoil.estimators.written import Written

Setting = bool | int | float | str | tuple[float, ...] | None

OURS: Final = ("n_jobs", "random_state", "verbose", "warm_start")
"""Settings that no spec may set: the caller's seed and one process decide, so that a rerun gives the same numbers."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of an allow-list: the scikit-learn class, settings that differ from its own, whether it is linear."""

    module: str
    title: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    linear: bool = False

    def load(self) -> Any:
        """Import the class; scikit-learn is not imported before a learner is used."""
        return getattr(import_module(f"sklearn.{self.module}"), self.title)


# Small trees and large leaves: with some thousands of people scikit-learn's own settings overfit.
OUTCOMES: Final = {
    "linear": Listed("linear_model", "LinearRegression", linear=True),
    "ridge": Listed("linear_model", "RidgeCV", {"alphas": (0.1, 1.0, 10.0, 100.0, 1000.0)}, linear=True),
    "lasso": Listed("linear_model", "LassoCV", {"max_iter": 10_000}, linear=True),
    "elastic_net": Listed("linear_model", "ElasticNetCV", {"max_iter": 10_000}, linear=True),
    "random_forest": Listed("ensemble", "RandomForestRegressor", {"min_samples_leaf": 5}),
    "gradient_boosting": Listed("ensemble", "HistGradientBoostingRegressor", {"max_leaf_nodes": 4}),
}
# C = inf: scikit-learn penalizes by default, and a penalized propensity is no maximum-likelihood one.
LOGIT: Final = {"C": math.inf, "solver": "newton-cholesky", "tol": 1e-8, "max_iter": 200}
PROPENSITIES: Final = {
    "logit": Listed("linear_model", "LogisticRegression", LOGIT, linear=True),
    "random_forest": Listed("ensemble", "RandomForestClassifier", {"min_samples_leaf": 50}),
    "gradient_boosting": Listed(
        "ensemble", "HistGradientBoostingClassifier",
        {"learning_rate": 0.05, "max_leaf_nodes": 3, "max_iter": 50, "min_samples_leaf": 40},
    ),
}  # fmt: skip


def _from_text(value: Any) -> Any:
    """Return the number or truth value that a text of a contract stands for, and any other text as it is."""
    if not isinstance(value, str):
        return value
    try:
        read = json.loads(value)
    except ValueError:
        return value
    return read if isinstance(read, bool | int | float) or read is None else value


def _wrong(said: str) -> PydanticCustomError:
    return PydanticCustomError("learner_setting", "{said}", {"said": said})


class Learner(Written):
    """What `OutcomeLearner` and `PropensityLearner` have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    known: ClassVar[Mapping[str, Listed]]
    classifies: ClassVar[bool] = False

    name: str = Field(description="The learner, from the list.")
    params: dict[str, Setting] = Field(
        default_factory=dict, description="Settings of the learner in scikit-learn's own names; the rest keep theirs."
    )
    _object: Any = PrivateAttr(None)

    @model_validator(mode="wrap")
    @classmethod
    def _accept_an_object(cls, value: Any, handler: Any) -> Any:
        if isinstance(value, type) or not (hasattr(value, "get_params") and hasattr(value, "fit")):
            return handler(value)
        from sklearn.base import clone, is_classifier

        if is_classifier(value) != cls.classifies:
            raise ValueError(f"{type(value).__name__} is no {'classifier' if cls.classifies else 'regressor'}")
        made = handler({"name": next(iter(cls.known))}).model_copy(update={"name": type(value).__name__})
        made._object = clone(value)
        return made

    @field_validator("name")
    @classmethod
    def _is_listed(cls, name: str) -> str:
        if name not in cls.known:
            *others, last = (f"'{known}'" for known in cls.known)
            raise PydanticKnownError("literal_error", {"expected": f"{', '.join(others)} or {last}"})
        return name

    @field_validator("params", mode="before")
    @classmethod
    def _read_numbers(cls, params: Any) -> Any:
        return {key: _from_text(value) for key, value in params.items()} if isinstance(params, dict) else params

    @model_validator(mode="after")
    def _params_fit(self) -> "Learner":
        if not self.params or self._object is not None:
            return self
        accepted = set(inspect.signature(self.known[self.name].load()).parameters) - set(OURS)
        for key, value in self.params.items():
            if key in OURS:
                raise _wrong(f"'{key}' is not for a learner to set: the seed and one process are the caller's")
            if key not in accepted:
                raise _wrong(f"learner '{self.name}' has no setting '{key}'{did_you_mean(key, accepted)}")
            if isinstance(value, float) and not math.isfinite(value):
                raise _wrong(f"setting '{key}' is not finite")
        return self

    @model_serializer(mode="wrap")
    def _written(self, handler: Any, info: SerializationInfo) -> Any:
        if self._object is None:
            return handler(self)
        if info.mode == "json":
            self.refuse_objects()
        return self._object

    def objects(self) -> tuple[str, ...]:
        """Return the class of the scikit-learn object that this is, or nothing."""
        return () if self._object is None else (self.name,)

    @property
    def linear(self) -> bool:
        """Whether the learner is a listed linear model, which is given scaled columns and their products."""
        return self._object is None and self.known[self.name].linear

    def build(self, seed: int) -> Any:
        """Return a fresh scikit-learn estimator whose randomness is that of the seed, and which uses one process.

        Examples
        --------
        >>> OutcomeLearner(name="random_forest", params={"n_estimators": 50}).build(seed=7).random_state
        7
        """
        from sklearn.base import clone

        if self._object is not None:
            made = clone(self._object)
        else:
            entry = self.known[self.name]
            made = entry.load()(**{**entry.settings, **self.params})
        fixed = {"random_state": seed, "n_jobs": 1}
        return made.set_params(**{
            key: fixed[key.rpartition("__")[2]] for key in made.get_params() if key.rpartition("__")[2] in fixed
        })  # fmt: skip


class OutcomeLearner(Learner):
    """How the outcome is predicted from providers and covariates; always a regression, also of an outcome of 0 and 1.

    Examples
    --------
    >>> OutcomeLearner(name="random_forest", params={"n_estimators": 300})
    OutcomeLearner(name='random_forest', params={'n_estimators': 300})
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> OutcomeLearner.model_validate(KNeighborsRegressor()).name
    'KNeighborsRegressor'
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "gradient_boosting", "params": {"max_depth": 3}}]}
    )

    known: ClassVar[Mapping[str, Listed]] = OUTCOMES

    name: str = Field(description="The learner, from the list.", json_schema_extra={"enum": list(OUTCOMES)})


class PropensityLearner(Learner):
    """How the chance of each pattern of providers is predicted from covariates.

    Examples
    --------
    >>> PropensityLearner(name="logit").model_dump_json()
    '{"name":"logit","params":{}}'
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "logit"}]})

    known: ClassVar[Mapping[str, Listed]] = PROPENSITIES
    classifies: ClassVar[bool] = True

    name: str = Field(description="The learner, from the list.", json_schema_extra={"enum": list(PROPENSITIES)})

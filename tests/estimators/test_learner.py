"""Learners by name: what is allowed, what is refused, whose randomness it is, and what can be written."""

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from pydantic import BaseModel, Field, ValidationError
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from counterfoil.errors import EstimationError
from counterfoil.estimators.learner import OUTCOMES, PROPENSITIES, Learner, OutcomeLearner, PropensityLearner
from counterfoil.estimators.written import Written
from counterfoil.source import read_source
from counterfoil.translation import translate

EVERY = [
    *((OutcomeLearner, name) for name in OUTCOMES),
    *((PropensityLearner, name) for name in PROPENSITIES),
]


class Asked(Written):
    outcome_learner: OutcomeLearner = Field(description="A learner.")


class Outside(BaseModel):
    asked: OutcomeLearner


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_listed_learner_is_built_with_the_caller_s_seed(kind: type[Learner], name: str) -> None:
    made = kind(name=name).build(seed=11)
    settings = made.get_params()
    assert settings.get("random_state", 11) == 11
    assert settings.get("n_jobs", 1) == 1
    assert made is not kind(name=name).build(seed=11)
    assert hasattr(made, "predict_proba") == (kind is PropensityLearner)


def test_params_reach_the_estimator_and_the_rest_keep_theirs() -> None:
    made = OutcomeLearner(name="gradient_boosting", params={"max_iter": 30}).build(seed=1)
    assert (made.max_iter, made.max_leaf_nodes, made.l2_regularization) == (30, 4, 0.0)
    penalized = PropensityLearner(name="logit", params={"C": 2.0}).build(seed=1)
    assert (penalized.C, penalized.solver) == (2.0, "newton-cholesky")


def test_a_contract_s_text_is_read_as_the_number_it_stands_for() -> None:
    terms = {"max_iter": "200", "learning_rate": "0.05", "loss": "absolute_error", "max_depth": "null"}
    learner = OutcomeLearner.model_validate({"name": "gradient_boosting", "params": terms})
    expected = {"max_iter": 200, "learning_rate": 0.05, "loss": "absolute_error", "max_depth": None}
    assert learner.params == expected
    assert isinstance(learner.params["max_iter"], int)
    listed = OutcomeLearner.model_validate({"name": "ridge", "params": {"alphas": ["1", "10.0"]}})
    assert listed.params == {"alphas": (1.0, 10.0)}
    assert OutcomeLearner.model_validate_json(learner.model_dump_json()) == learner


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"name": "random_forrest"}, "should be 'linear', 'ridge'.* or 'gradient_boosting'"),
        ({"name": "logit"}, "should be 'linear'"),
        ({"name": "ridge", "params": {"alpha": 1.0}}, "has no setting 'alpha'; did you mean 'alphas'"),
        ({"name": "random_forest", "params": {"random_state": 1}}, "not for a learner to set"),
        ({"name": "random_forest", "params": {"n_jobs": 2}}, "not for a learner to set"),
        ({"name": "gradient_boosting", "params": {"learning_rate": "NaN"}}, "not finite"),
        ({"name": "linear", "parameters": {}}, "Extra inputs"),
        (3, "Input should be a valid dictionary"),
    ],
)
def test_what_a_learner_refuses(terms: object, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        OutcomeLearner.model_validate(terms)


def test_a_contract_that_misspells_a_learner_is_told_where_and_what(tmp_path: Path) -> None:
    path = tmp_path / "asked.yaml"
    for text, said in (
        ("outcome_learner: {name: random_forrest}", "CONTRACT-007 asked.yaml, line 1.*did you mean 'random_forest'"),
        (
            "outcome_learner: {name: ridge, params: {alpha: 1}}",
            "CONTRACT-007 asked.yaml, line 1.*did you mean 'alphas'",
        ),
    ):
        path.write_text(text, encoding="utf-8")
        source = read_source(path)
        with pytest.raises(ValidationError) as caught:
            Asked.model_validate(source.data)
        (detail,) = caught.value.errors()
        assert re.search(said, str(translate(detail, source, Asked)))


def test_propensities_and_outcomes_have_lists_of_their_own() -> None:
    with pytest.raises(ValidationError, match="should be 'logit'"):
        PropensityLearner(name="ridge")
    for kind, names in ((OutcomeLearner, OUTCOMES), (PropensityLearner, PROPENSITIES)):
        schema = kind.model_json_schema()
        assert schema["properties"]["name"]["enum"] == list(names)
        assert all("description" in term for term in schema["properties"].values())
        jsonschema.validate(json.loads(kind(name=next(iter(names))).model_dump_json()), schema)


def test_an_object_is_cloned_and_takes_the_caller_s_seed() -> None:
    given = RandomForestRegressor(n_estimators=7, random_state=99, n_jobs=-1)
    learner = OutcomeLearner.model_validate(given)
    given.set_params(n_estimators=1)
    made = learner.build(seed=5)
    assert (made.n_estimators, made.random_state, made.n_jobs) == (7, 5, 1)
    made.fit(np.arange(8.0)[:, None], np.arange(8.0))
    assert not hasattr(learner.build(seed=5), "estimators_")
    assert (given.random_state, given.n_jobs) == (99, -1)
    nested = OutcomeLearner.model_validate(make_pipeline(given)).build(seed=5).get_params()
    assert nested["randomforestregressor__random_state"] == 5
    assert nested["randomforestregressor__n_jobs"] == 1


def test_a_spec_with_an_object_refuses_to_be_written_and_says_so() -> None:
    learner = OutcomeLearner.model_validate(LinearRegression())
    spec = Asked(outcome_learner=learner)
    for write in (
        learner.model_dump_json,
        spec.model_dump_json,
        lambda: learner.model_dump(mode="json"),
        lambda: spec.model_dump(mode="json"),
    ):
        with pytest.raises(EstimationError) as caught:
            write()
        assert caught.value.codes == ("EST-012",)
        assert "LinearRegression" in str(caught.value)
    # Inside a spec that is not `Written`, pydantic wraps the refusal; it still refuses, and names the code.
    with pytest.raises(ValueError, match="EST-012"):
        Outside(asked=learner).model_dump_json()


def test_a_spec_with_an_object_stays_usable_in_python() -> None:
    spec = Asked.model_validate({"outcome_learner": LinearRegression()})
    again = Asked.model_validate(spec.model_dump())
    assert isinstance(again.outcome_learner.build(seed=1), LinearRegression)
    assert again.outcome_learner.name == "LinearRegression"
    assert not again.outcome_learner.linear
    assert isinstance(PropensityLearner.model_validate(RandomForestClassifier()).build(1), RandomForestClassifier)
    assert Asked(outcome_learner=OutcomeLearner(name="linear")).model_dump(mode="json") == {
        "outcome_learner": {"name": "linear", "params": {}}
    }


def test_an_object_of_the_other_kind_is_refused() -> None:
    with pytest.raises(ValidationError, match="RandomForestClassifier is no regressor"):
        OutcomeLearner.model_validate(RandomForestClassifier())
    with pytest.raises(ValidationError, match="LinearRegression is no classifier"):
        PropensityLearner.model_validate(LinearRegression())
    with pytest.raises(ValidationError, match="valid dictionary"):
        OutcomeLearner.model_validate(RandomForestRegressor)


def test_naming_a_learner_does_not_import_scikit_learn() -> None:
    code = (
        "import sys\nfrom counterfoil.estimators.learner import OutcomeLearner\n"
        "import counterfoil.estimators.nuisance\nOutcomeLearner(name='ridge').model_dump_json()\n"
        "print('sklearn' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"

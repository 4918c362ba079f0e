"""Specs that can be written, and those that refuse to be: a scikit-learn object has no form that others can read."""

from typing import Any

from pydantic import BaseModel

from counterfoil.errors import listed, refusal


class Written(BaseModel):
    """A spec that is, or holds in a field, a learner; it refuses to be written when that is a scikit-learn object.

    Pydantic wraps whatever a serializer raises in an error of its own, so the refusal comes before it is asked.
    """

    def objects(self) -> tuple[str, ...]:
        """Return the classes of the scikit-learn objects that the spec holds."""
        return tuple(name for value in vars(self).values() if isinstance(value, Written) for name in value.objects())

    def model_dump_json(self, **options: Any) -> str:
        """Return the spec as JSON text.

        Raises
        ------
        EstimationError
            EST-012 when the spec holds a scikit-learn object.
        """
        self.refuse_objects()
        return super().model_dump_json(**options)

    def model_dump(self, **options: Any) -> Any:
        """Return the spec as plain data; outside mode ``json`` a scikit-learn object stands for itself.

        Raises
        ------
        EstimationError
            EST-012 in mode ``json`` when the spec holds a scikit-learn object.
        """
        if options.get("mode") == "json":
            self.refuse_objects()
        return super().model_dump(**options)

    def refuse_objects(self) -> None:
        """Raise EST-012 when the spec holds a scikit-learn object."""
        if found := self.objects():
            raise refusal("EST-012", f"the spec holds a scikit-learn object: {listed(found)}", "estimator")

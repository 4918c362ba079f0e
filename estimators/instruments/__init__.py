"""Instrumental variables: the effect on those whom a lottery moved."""

"""Doubly robust: a model of the outcome and one of who was treated, right when either is."""

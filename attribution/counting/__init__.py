"""Counting: from claims to the verified quantities that a contract prices, one kind of quantity a file."""

from counterfoil.attribution.counting.quantity import Cell, Quantity

__all__ = ["Cell", "Quantity"]

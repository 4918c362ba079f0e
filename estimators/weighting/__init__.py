"""Weighting: untreated people count as much as it takes to make them, as a group, like the treated."""

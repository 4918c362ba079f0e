"""Comparison groups that no lottery made: who is compared with whom, on what, and how alike they are."""

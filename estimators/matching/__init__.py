"""Matching: each treated person is held against untreated people who are alike, found without looking at outcomes."""

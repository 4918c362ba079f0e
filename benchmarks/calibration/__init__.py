"""Bias and coverage of everything that is measured, divided or paid, on studies with a known truth: ``make calibrate``.

`case` says what a row is, `designs` holds the studies that subjects share, and each other module holds one subject's
rows. `table` puts them together in ``docs/calibration.md``.
"""

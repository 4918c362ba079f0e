"""Few treated units with a history: synthetic controls, synthetic difference-in-differences, interrupted time series."""

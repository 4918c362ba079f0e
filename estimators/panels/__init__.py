"""Units by periods: difference-in-differences in all its forms, and what earlier trends allow to be said."""

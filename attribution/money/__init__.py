"""Money: exact amounts, currencies and their smallest units, and how both are written."""

"""Measure the rows that the committed table lacks."""

from calibration.table import main

if __name__ == "__main__":
    main()

"""Lengths of steps and periods, for whoever needs no arrays."""

from typing import Literal

DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / 12
"""30.4375: the mean month, by which parameters with a month in their unit are defined."""
MONTHS_PER_YEAR = 12
LONGEST_DAY_STEP = 1.5
"""Days; steps of more are months."""

Step = Literal["day", "month"]
Period = Literal["month", "season", "year"]

"""The laboratory: wells, contamination, positivity; sensitivity and specificity follow."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import binom

from ..document.sections import Assay, Level
from ..streams import FloatArray

PER_MILLION = 1e-6
LEVEL_POINTS = 2000
"""Quantiles of the level over which sensitivity is averaged; doubling them changes it by < 1e-6."""


def well_probability(
    assay: Assay, per_million: FloatArray, amplification: FloatArray | float
) -> FloatArray:
    """Probability that one well is positive, shape of ``per_million`` (0 without male cells).

    Poisson copies in a well, each amplified with the given probability, plus contamination.
    """
    copies = per_million * PER_MILLION * assay.genome_equivalents / assay.wells
    return np.asarray(1 - (1 - assay.contamination) * np.exp(-amplification * copies))


def positive_probability(assay: Assay, well: FloatArray) -> FloatArray:
    """Probability that a sample is called positive, given that of one well."""
    return np.asarray(binom.sf(assay.positive_wells - 1, assay.wells, well), dtype=np.float64)


def positive_wells(assay: Assay, well: FloatArray, uniform: FloatArray) -> NDArray[np.int64]:
    """Number of positive wells by the inverse distribution function, one uniform each."""
    count = np.zeros(len(well), dtype=np.int64)
    odds = np.divide(well, 1 - well, out=np.zeros_like(well), where=well < 1)
    mass = (1 - well) ** assay.wells
    below = mass.copy()
    for number in range(assay.wells):
        count += uniform >= below
        mass = mass * odds * (assay.wells - number) / (number + 1)
        below = below + mass
    return np.where(well < 1, count, assay.wells)


def specificity(assay: Assay) -> float:
    """Probability that a woman without male cells is called negative."""
    return 1 - float(positive_probability(assay, well_probability(assay, np.zeros(1), 1.0))[0])


def sensitivity(assay: Assay, level: Level) -> float:
    """Probability that a woman with male cells is called positive, over the levels of women."""
    middle = (np.arange(LEVEL_POINTS) + 0.5) / LEVEL_POINTS
    levels = level.median_per_million * 10 ** (level.log10_sd * ndtri(middle))
    well = well_probability(assay, levels, assay.amplification)
    return float(positive_probability(assay, well).mean())

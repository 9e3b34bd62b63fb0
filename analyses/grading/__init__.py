"""Grading: how an estimator does over many draws of a world whose truth is known."""

from ..seeds import replicate_seed as replicate_seed
from .measures import MEASURES as MEASURES
from .measures import measures as measures
from .replicates import SCHEMA as SCHEMA
from .replicates import Draw as Draw
from .replicates import Drawn as Drawn
from .replicates import Estimator as Estimator
from .replicates import Graded as Graded
from .replicates import run_replicate as run_replicate

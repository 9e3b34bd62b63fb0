"""Cox regression over records that stay on disk, or on the workers of a cluster."""

from .estimator import Streamed as Streamed

"""Teaching worlds in a few lines: columns in order, each drawn or derived."""

from .drawing import draw as draw
from .expressions import PERSON as PERSON
from .expressions import Expression as Expression
from .expressions import check_names as check_names
from .expressions import expression as expression
from .reading import Recipe as Recipe
from .reading import recipe_from as recipe_from

"""The causal graph of a world: its arrows, its text for dagitty, what it implies.

Rules of d-separation after Pearl (2009), *Causality*, section 1.2.3, decided on the moral graph of
the ancestors (Lauritzen, Dawid, Larsen and Leimer 1990, Networks 20:491-505).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from cohort.errors import StudyError


@dataclass(frozen=True, slots=True)
class Independence:
    """``first`` and ``second`` are independent given ``given``, if the graph is right."""

    first: str
    second: str
    given: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """A directed acyclic graph.

    parents : each node's direct causes; every node has an entry. latent : nodes that no analysis
    can see.

    Raises StudyError that names the nodes of a cycle, or a parent that is no node.
    """

    parents: Mapping[str, tuple[str, ...]]
    latent: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Freeze and put in causal order, which fails if there is a cycle."""
        object.__setattr__(self, "parents", MappingProxyType(dict(self.parents)))
        for node, causes in self.parents.items():
            for cause in causes:
                if cause not in self.parents:
                    raise StudyError(f"'{node}' has the cause '{cause}', which is not a node.")
        causal_order(self.parents)

    def ancestors(self, nodes: Iterable[str]) -> frozenset[str]:
        """The nodes themselves and all their causes, however distant."""
        found: set[str] = set()
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting.extend(self.parents[node])
        return frozenset(found)

    def dagitty(self) -> str:
        """The graph as text for dagitty (Textor et al. 2016, Int J Epidemiol 45:1887-94)."""
        depth = depths(self.parents)
        places: dict[int, int] = {}
        lines = ["dag {"]
        for node in causal_order(self.parents):
            row = places[depth[node]] = places.get(depth[node], -1) + 1
            kind = "latent, " if node in self.latent else ""
            lines.append(f'  {node} [{kind}pos="{depth[node]},{row}"]')
        for node in causal_order(self.parents):
            lines.extend(f"  {cause} -> {node}" for cause in self.parents[node])
        return "\n".join([*lines, "}"]) + "\n"


def causal_order(parents: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Nodes with every cause before its effects, otherwise as given.

    Raises StudyError naming the nodes of a cycle.
    """
    placed: dict[str, None] = {}
    waiting = list(parents)
    while waiting:
        ready = [node for node in waiting if all(cause in placed for cause in parents[node])]
        if not ready:
            raise StudyError(
                f"the causal graph has a cycle: {' -> '.join(_cycle(parents, waiting))}."
            )
        placed.update(dict.fromkeys(ready))
        waiting = [node for node in waiting if node not in placed]
    return tuple(placed)


def _cycle(parents: Mapping[str, Sequence[str]], waiting: Sequence[str]) -> list[str]:
    walk = [waiting[0]]
    while walk.count(walk[-1]) < 2:
        walk.append(next(cause for cause in parents[walk[-1]] if cause in waiting))
    start = walk.index(walk[-1])
    return walk[start:][::-1]


def depths(parents: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Length of the longest path that leads to each node: the layer it is drawn in."""
    depth: dict[str, int] = {}
    for node in causal_order(parents):
        depth[node] = 1 + max((depth[cause] for cause in parents[node]), default=-1)
    return depth


def separated(graph: Graph, first: str, second: str, given: Iterable[str]) -> bool:
    """Whether every path between two nodes is blocked by ``given``.

    Raises StudyError for a name that is not a node.
    """
    conditioned = set(given)
    for node in (first, second, *conditioned):
        if node not in graph.parents:
            raise StudyError(f"'{node}' is not a node of the graph.")
    relevant = graph.ancestors([first, second, *conditioned])
    moral = {node: set[str]() for node in relevant}
    for node in relevant:
        family = [node, *graph.parents[node]]
        for member in family:
            moral[member].update(other for other in family if other != member)
    reached, waiting = {first}, [first]
    while waiting:
        for neighbour in moral[waiting.pop()] - reached - conditioned:
            reached.add(neighbour)
            waiting.append(neighbour)
    return second not in reached


def implied_independences(graph: Graph) -> tuple[Independence, ...]:
    """One statement for each pair without an arrow: independent given the later one's causes.

    The local Markov property; these statements imply all others.
    """
    order = causal_order(graph.parents)
    return tuple(
        Independence(first, second, tuple(graph.parents[second]))
        for place, second in enumerate(order)
        for first in order[:place]
        if first not in graph.parents[second]
    )


def backdoor_open(graph: Graph, exposure: str, outcome: str, adjusted: Iterable[str]) -> bool:
    """Whether confounding remains after adjustment: an open path into the exposure.

    The back-door criterion (Pearl 2009, definition 3.3.1), in the graph without the exposure's own
    arrows. Adjusting for an effect of the exposure raises StudyError: the criterion forbids it.
    """
    chosen = tuple(adjusted)
    for node in chosen:
        if exposure in graph.ancestors([node]) - {node}:
            raise StudyError(f"'{node}' is an effect of '{exposure}': it cannot be adjusted for.")
    cut = {
        node: tuple(cause for cause in causes if cause != exposure)
        for node, causes in graph.parents.items()
    }
    return not separated(Graph(cut, graph.latent), exposure, outcome, chosen)

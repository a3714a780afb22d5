"""One operator of a model file, and whether it works on 8-bit integers."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["int8", "int8 weights", "unpacking", "conversion", "other"]
_NARROW = {"int8", "uint8"}
_NOT_CHANGED = {"int32"}  # what an integer product gives: not a way back to float


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator and the element types of what it reads and gives.

    activations  what flows in from other operators, without constants
    constants    weights, scales, shapes
    macs         multiply-accumulates; None where it is a product and nobody says how large
    partition    of the delegate that takes it, from 0; None outside
    """

    name: str
    activations: tuple[str, ...]
    constants: tuple[str, ...]
    outputs: tuple[str, ...]
    macs: int | None = 0
    partition: int | None = None

    @property
    def kind(self) -> Kind:
        """What it works on.

        int8          activations in and out are 8-bit integers
        int8 weights  float activations: they are rounded, if at all, inside a product
        unpacking     8-bit weights to float ones, once, when the file is loaded
        conversion    between float and int8 activations
        """
        reads = not _NARROW.isdisjoint(self.activations)
        gives = not _NARROW.isdisjoint(self.outputs)
        if reads and (gives or not _NOT_CHANGED.isdisjoint(self.outputs)):
            return "int8"
        if reads or gives:
            return "conversion"
        if _NARROW.isdisjoint(self.constants):
            return "other"
        return "int8 weights" if self.activations else "unpacking"

"""Augmentation: items changed at random, the same for an item and an epoch wherever it is done.

`Compose`, `OneOf` and `SomeOf` put operations together; those are in `tamis.augment.image`.
"""

from tamis.augment._base import Compose, Group, OneOf, SomeOf, Transform, from_dict

__all__ = ["Compose", "Group", "OneOf", "SomeOf", "Transform", "from_dict"]

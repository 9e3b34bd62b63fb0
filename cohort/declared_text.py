"""Names, labels and the words for codes: whatever a declaration needs as text."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

from .errors import SchemaError

Key = TypeVar("Key")


def check_texts(whose: str, texts: Mapping[str, object]) -> None:
    """Refuse what is no text; None is left out.

    Raises SchemaError naming whose it is and the key.
    """
    for role, given in texts.items():
        if not (given is None or isinstance(given, str)):
            raise SchemaError(f"{whose} has {role} = {given!r}: expected text, in quotation marks.")


def words_by_code(whose: str, role: str, words: Mapping[Key, str]) -> Mapping[Key, str]:
    """Words by code, which cannot be changed afterwards.

    Raises SchemaError unless there is a text for each code.
    """
    if not (isinstance(words, Mapping) and all(isinstance(one, str) for one in words.values())):
        raise SchemaError(
            f"{whose} has {role} that give no text for each code: expected for example "
            f"{role}={{9: 'refused'}} (in a study document: {role} = {{ 9 = 'refused' }})."
        )
    return MappingProxyType(dict(words))

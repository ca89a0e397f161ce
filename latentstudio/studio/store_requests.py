"""What can be asked about latent stores, and the answers; plain data like `studio.requests`."""

from dataclasses import dataclass

from latentstudio.data.latent_shelf import StoreFacts
from latentstudio.figures.recipe import DataRef, ModelRef


@dataclass(frozen=True)
class StoreCodes:
    """Encode a whole dataset into the latent store, from where it was left; the answer is `CodesStored`.

    Dropping the request keeps what was encoded.

    Attributes
    ----------
    dtype : ``float32``, or ``float16`` for half the room and eleven bits.
    folder : a store to complete, with the parts and numbers that it was begun with; empty for the one in the cache.
    """

    model: ModelRef
    data: DataRef
    dtype: str = "float32"
    folder: str = ""


@dataclass(frozen=True)
class CodesStored:
    """Where the codes are, how many, how many of them were encoded now, and the room that they take.

    `lost` is a sentence about pictures that could not be read, mostly empty.
    """

    folder: str
    images: int
    encoded: int
    bytes: int
    lost: str = ""


@dataclass(frozen=True)
class ListStores:
    """The latent stores of the cache; the answer is `StoresListed`."""


@dataclass(frozen=True)
class StoreLine:
    """A store as `data.latent_shelf.StoreFacts` describe it, and why it cannot be continued or used; mostly empty."""

    facts: StoreFacts
    outdated: str = ""


@dataclass(frozen=True)
class StoresListed:
    """All stores, where they lie, and the bytes that are free there."""

    stores: tuple[StoreLine, ...]
    folder: str
    free: int


@dataclass(frozen=True)
class VerifyStore:
    """Check every file of a store against its checksum; the answer is `StoreVerified`, with progress before it."""

    folder: str


@dataclass(frozen=True)
class StoreVerified:
    """What verification found: a sentence for each damaged shard, and bytes that were read."""

    folder: str
    faults: tuple[str, ...]
    bytes: int


@dataclass(frozen=True)
class ClearStores:
    """Remove stores; the answer is `StoresCleared`."""

    folders: tuple[str, ...]


@dataclass(frozen=True)
class StoresCleared:
    """Bytes that are free now, how many stores are gone, and a sentence for each that could not be removed."""

    freed: int
    cleared: int
    kept: tuple[str, ...]

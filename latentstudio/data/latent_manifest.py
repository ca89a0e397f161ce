"""What a latent store says of itself: its manifest, and the names of its files; see `data.latent_store`."""

import hashlib
import json
from pathlib import Path

import msgspec
import numpy as np

from latentstudio.errors import NewerVersionError, UserError
from latentstudio.paths import replacing

SCHEMA = 1
FORMAT = "latentstudio latent store"
MANIFEST = "manifest.json"
SHARD_ROWS = 8192
DTYPES = {"float32": "<f4", "float16": "<f2"}
SCALARS = 3
NORM, LOG_PROB, SCALE = range(SCALARS)
"""Columns of a shard's scalars."""


class Shard(msgspec.Struct, frozen=True):
    """A finished shard: number and the checksums of its two files, in hexadecimal digits."""

    index: int
    codes: str
    scalars: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored, or will be.

    Attributes
    ----------
    model_digest, data_digest : what decides whether the store belongs to a model (its snapshot included) and a dataset.
    rows : images of the dataset ; size : components D of a code.
    dtype : ``float32`` or ``float16`` ; density : whether the model has log-densities.
    part : (i, n) when the store holds only shards i - 1, i - 1 + n, ...; (1, 1) for all.
    shards : the finished ones, ascending.
    """

    schema: int = SCHEMA
    format: str = FORMAT
    model: str
    model_digest: str
    snapshot: int | None
    data: str
    data_title: str
    data_digest: str
    rows: int
    size: int
    dtype: str
    density: bool
    shard_rows: int = SHARD_ROWS
    part: tuple[int, int] = (1, 1)
    shards: tuple[Shard, ...] = ()

    @property
    def key(self) -> str:
        """Name of the store's folder: changes with everything that decides what the numbers are."""
        deciding = [self.schema, self.model_digest, self.data_digest, self.dtype, self.shard_rows]
        return hashlib.sha256(json.dumps(deciding).encode()).hexdigest()[:32]

    def same_numbers(self, other: "Manifest") -> bool:
        """Whether both hold the same codes; names and specifications may differ from machine to machine."""
        return (self.key, self.rows, self.size, self.density) == (other.key, other.rows, other.size, other.density)

    @property
    def planned(self) -> tuple[int, ...]:
        """Numbers of the shards that belong to this part."""
        i, n = self.part
        return tuple(range(i - 1, -(-self.rows // self.shard_rows), n))

    @property
    def complete(self) -> bool:
        """Whether every image of the dataset is stored."""
        return sum(self.rows_of(s.index) for s in self.shards) == self.rows

    @property
    def done(self) -> int:
        """Images in finished shards."""
        return sum(self.rows_of(s.index) for s in self.shards)

    def span(self, index: int) -> tuple[int, int]:
        """First image of a shard, and the one after its last."""
        return index * self.shard_rows, min((index + 1) * self.shard_rows, self.rows)

    def rows_of(self, index: int) -> int:
        """Images of a shard."""
        start, stop = self.span(index)
        return max(stop - start, 0)

    def row_bytes(self) -> int:
        """Bytes that one image takes."""
        return self.size * np.dtype(DTYPES[self.dtype]).itemsize + 8 * SCALARS


def codes_name(index: int) -> str:
    """File name of a shard's codes."""
    return f"shard_{index:05d}.codes.npy"


def scalars_name(index: int) -> str:
    """File name of a shard's norms, log-densities and factors."""
    return f"shard_{index:05d}.scalars.npy"


def read_manifest(folder: Path) -> Manifest:
    """Read and check a store's manifest.

    Raises
    ------
    NewerVersionError
        A newer program wrote it.
    UserError
        There is none, it is damaged, or it belongs to something else.
    """
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{folder} is not a latent store: {MANIFEST} cannot be read.") from error
    try:
        raw = msgspec.json.decode(content)
        if not isinstance(raw, dict) or raw.get("format") != FORMAT:
            raise UserError(f"{path} is not the manifest of a latent store.")
        if isinstance(raw.get("schema"), int) and raw["schema"] > SCHEMA:
            raise NewerVersionError(
                f"{path} was written by a newer LatentStudio (schema {raw['schema']}; this one knows {SCHEMA})."
            )
        manifest = msgspec.convert(raw, Manifest)
    except msgspec.DecodeError as error:
        raise UserError(f"{path} is damaged: {error}.") from error
    _check(manifest, path)
    return manifest


def _check(m: Manifest, path: Path) -> None:
    i, n = m.part
    indices = [s.index for s in m.shards]
    sound = (
        m.schema == SCHEMA
        and m.dtype in DTYPES
        and m.rows >= 0
        and m.size > 0
        and m.shard_rows > 0
        and 1 <= i <= n
        and indices == sorted(set(indices))
        and set(indices) <= set(m.planned)
    )
    if not sound:
        raise UserError(f"{path} is damaged: its fields contradict each other.")


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace a store's manifest at once.

    Raises
    ------
    UserError
        It cannot be written.
    """
    with replacing(folder / MANIFEST) as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1))

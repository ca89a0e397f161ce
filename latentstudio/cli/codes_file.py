"""Read codes that ``latentstudio encode`` wrote."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import UserError


def read_codes(path: Path, latent_size: int) -> NDArray[np.float32]:
    """Return tensor ``codes`` float32 (N, D) of a safetensors file.

    Raises
    ------
    UserError
        The file cannot be read, has no such tensor, or its codes do not have `latent_size` numbers.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not path.is_file():
        raise UserError(f"There is no file {path}; one that 'latentstudio encode' wrote would do.")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path} is no safetensors file: {error}.") from error
    codes = tensors.get("codes")
    if codes is None or codes.ndim != 2:
        raise UserError(f"{path} has no tensor 'codes' of shape (N, D); it has {', '.join(tensors) or 'none'}.")
    if codes.shape[1] != latent_size:
        raise UserError(f"The codes in {path} have {codes.shape[1]} numbers; the model takes {latent_size}.")
    return np.ascontiguousarray(codes, dtype=np.float32)

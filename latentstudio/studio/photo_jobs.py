"""What the window asks about photographs of the person's own: read one, and align it by its eyes."""

from pathlib import Path

from latentstudio.studio.beside import beside
from latentstudio.studio.requests import AlignPhoto, ReadPhoto
from latentstudio.studio.worker import Job, Step


def read_photo(request: ReadPhoto) -> Job:
    """Return the job of a `ReadPhoto` request; its answer is the picture, uint8 (H, W, C), made smaller where asked."""
    from latentstudio.data.pictures import read_picture
    from latentstudio.data.prepare import resize

    path = Path(request.path)
    picture = yield from beside(lambda: read_picture(path, at_least=request.longest), f"Reading {path.name} …")
    height, width = picture.shape[:2]
    scale = request.longest / max(height, width)
    if scale < 1:
        picture = resize(picture, (max(1, round(height * scale)), max(1, round(width * scale))))
    yield Step(picture, 1.0, final=True)


def align_photo(request: AlignPhoto) -> Job:
    """Return the job of an `AlignPhoto` request; its answer is the crop, uint8 (H, W, C), as the data set has them."""
    from latentstudio.data.align import align, convention_of
    from latentstudio.data.pictures import read_picture

    channels, height, width = request.image_shape
    picture = read_picture(Path(request.path))
    shape = (height, width, channels)
    yield Step(align(picture, request.eyes, shape, convention_of(request.data)), 1.0, final=True)

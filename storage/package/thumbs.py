r"""Thumbnails for people, decoded where strangers' bytes can do no harm. Not evidential.

Pictures are read in child processes with bounded memory and processor time; one that ends a
child or takes too long is left out, and the rest goes on in the next child. Called as a
program this file is such a child: paths on standard input, one a line, and for each
`<length>\\n` and so many bytes of JPEG on standard output (0: no thumbnail).
"""

from __future__ import annotations

import io
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

EDGE_PX = 240
_AT_ONCE = 48
_CHILDREN = 2
_CHILD_S = 60
_CPU_S = 30
_MEMORY_BYTES = 1_500_000_000
_MOST_PIXELS = 60_000_000
_MOST_BYTES = 64 * 1024 * 1024
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP")
_QUALITY = 70


def thumbnails(files: Mapping[str, Path], *, edge_px: int = EDGE_PX) -> dict[str, bytes]:
    """JPEG thumbnails by name; what cannot be decoded within bounds is left out. Blocks.

    files: paths of pictures by any name. edge_px: the longer side at most.
    """
    names = list(files)
    groups = [names[at : at + _AT_ONCE] for at in range(0, len(names), _AT_ONCE)]
    with ThreadPoolExecutor(_CHILDREN, thread_name_prefix="thumbnails") as pool:
        made = pool.map(lambda group: _group(group, files, edge_px), groups)
        return {name: data for found in made for name, data in found.items()}


def _group(names: Sequence[str], files: Mapping[str, Path], edge_px: int) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    left = list(names)
    while left:
        answers = list(_child([files[name] for name in left], edge_px))
        found |= {name: data for name, data in zip(left, answers, strict=False) if data}
        left = left[len(answers) + 1 :]  # the one that ended the child is left out
    return found


def _child(paths: Sequence[Path], edge_px: int) -> Iterator[bytes]:
    """What a child answered, as far as it came."""
    command = [sys.executable, "-I", __file__, str(edge_px)]
    lines = b"".join(str(path.absolute()).encode() + b"\n" for path in paths)
    try:
        done = subprocess.run(command, input=lines, capture_output=True, timeout=_CHILD_S, check=False)  # noqa: S603 -- this very file
        output = done.stdout
    except subprocess.TimeoutExpired as late:
        output = late.stdout or b""
    at = 0
    while (end := output.find(b"\n", at)) >= 0:
        size = int(output[at:end])
        if end + 1 + size > len(output):
            return
        yield output[end + 1 : end + 1 + size]
        at = end + 1 + size


def _serve(edge_px: int) -> None:
    """The child: read paths, write thumbnails."""
    _confine()
    for line in sys.stdin.buffer:
        data = _thumbnail(Path(line.rstrip(b"\n").decode()), edge_px)
        sys.stdout.buffer.write(b"%d\n%s" % (len(data), data))
        sys.stdout.buffer.flush()


def _confine() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _thumbnail(path: Path, edge_px: int) -> bytes:
    """A small JPEG of the first frame, or b"" when these bytes are no picture within bounds."""
    import warnings

    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = _MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        if path.stat().st_size > _MOST_BYTES:
            return b""
        with Image.open(path, formats=_FORMATS) as image:
            image.draft("RGB", (edge_px, edge_px))
            image.thumbnail((edge_px, edge_px))
            upright = ImageOps.exif_transpose(image)
            made = io.BytesIO()
            _flat(upright).save(made, "JPEG", quality=_QUALITY)
            return made.getvalue()
    except Exception:  # noqa: BLE001 -- decoders raise anything on hostile bytes; there is no thumbnail then
        return b""


def _flat(image: Image.Image) -> Image.Image:
    """On white, without transparency, in RGB."""
    from PIL import Image

    if "transparency" not in image.info and image.mode in ("RGB", "L", "CMYK"):
        return image.convert("RGB")
    front = image.convert("RGBA")
    back = Image.new("RGBA", front.size, "white")
    return Image.alpha_composite(back, front).convert("RGB")


if __name__ == "__main__":
    _serve(int(sys.argv[1]))

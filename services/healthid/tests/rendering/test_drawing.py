"""What a card looks like: as the references that people looked at, and its code says again what went in.

``python services/healthid/tests/rendering/test_drawing.py`` draws the references anew: look at them before keeping.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from shr_healthid.domain.card_face import Face
from shr_healthid.rendering.drawing import Authority, Drawing

Image = pytest.importorskip("PIL.Image")
HERE = Path(__file__).parent
AUTHORITY = Authority("Directorate General of Health Services", "স্বাস্থ্য অধিদপ্তর")
TEXT = f"eyJhbGciOiJFUzI1NiIsImtpZCI6IjEyMzQ1Njc4In0.{'aB3-' * 20}.{'xY_9' * 21}zz"
TOLERANCE = 2.0
"""Mean difference in grey levels (of 255) over any tile; anti-aliasing of another build stays far below."""
TILE = 48
REFERENCES = {
    "rahima": ("Rahima Khatun", "রহিমা খাতুন"),
    "conjuncts": ("Mst. Shrabonti Khudra Jyotsna", "মোছাঃ শ্রাবন্তী ক্ষুদ্র জ্যোৎস্না"),
    "long": (
        "Mosammat Shrabonti Khudra Jyotsna Rahman Chowdhury Binte Abdullah Al Mamun",
        "মোছাম্মৎ শ্রাবন্তী ক্ষুদ্র জ্যোৎস্না রহমান চৌধুরী বিনতে আব্দুল্লাহ আল মামুন",
    ),
}


def face(name: str | None = "Rahima Khatun", name_bn: str | None = "রহিমা খাতুন", text: str = TEXT) -> Face:
    return Face("980 0104 6534", name, name_bn, 12, "2026-11-23", text)


@pytest.fixture(scope="module")
def drawing() -> Drawing:
    return Drawing(AUTHORITY)


def opened(content: bytes | Path) -> Any:
    with Image.open(io.BytesIO(content) if isinstance(content, bytes) else content) as image:
        return image.convert("L")


def difference(one: Any, other: Any) -> float:
    """The largest mean difference over all tiles, in grey levels."""
    chops = pytest.importorskip("PIL.ImageChops")
    assert one.size == other.size
    apart = chops.difference(one, other)
    size = (-(-apart.width // TILE), -(-apart.height // TILE))
    return float(apart.resize(size, Image.Resampling.BOX).getextrema()[1])


@pytest.mark.parametrize("who", REFERENCES)
def test_a_card_looks_as_people_saw_it_to_be_right(drawing: Drawing, who: str) -> None:
    drawn = opened(drawing.card(face(*REFERENCES[who]), "png"))
    assert difference(drawn, opened(HERE / f"{who}.png")) <= TOLERANCE


@pytest.mark.parametrize("wrong", ["রহমিা খাতুন", "রহিমা খাতন", "রহিমা খাতুণ", "রহিমা খা তুন"])
def test_one_sign_out_of_place_would_be_noticed(drawing: Drawing, wrong: str) -> None:
    drawn = opened(drawing.card(face(name_bn=wrong), "png"))
    assert difference(drawn, opened(HERE / "rahima.png")) > TOLERANCE


def test_a_png_is_the_size_of_a_bank_card_at_300_dots_an_inch(drawing: Drawing) -> None:
    content = drawing.card(face(), "png")
    assert opened(content).size == (1011, 638)
    with Image.open(io.BytesIO(content)) as image:
        assert [round(float(dots)) for dots in image.info["dpi"]] == [300, 300]


@pytest.mark.parametrize("text", [TEXT, TEXT[:180], TEXT + "x" * 120])
@pytest.mark.parametrize("scale", [1.0, 0.7])
def test_the_code_is_read_again_as_it_was_written(drawing: Drawing, text: str, scale: float) -> None:
    reader = pytest.importorskip("zxingcpp")
    drawn = opened(drawing.card(face(text=text), "png"))
    small = drawn.resize((int(drawn.width * scale), int(drawn.height * scale)), Image.Resampling.BILINEAR)
    assert [code.text for code in reader.read_barcodes(small, formats=reader.BarcodeFormat.QRCode)] == [text]


def test_a_vector_card_has_shapes_only_and_the_right_size(drawing: Drawing) -> None:
    svg = drawing.card(face(name="</text><script>x</script> & #strong[x]"), "svg").decode()
    width, height = re.findall(r'(?:width|height)="([\d.]+)pt"', svg)[:2]
    assert (round(float(width) / 72 * 25.4, 1), round(float(height) / 72 * 25.4, 1)) == (85.6, 54.0)
    assert "<script" not in svg
    assert "<text" not in svg, "a reader's own fonts would shape Bangla anew"


def test_a_pdf_is_one_card_with_its_fonts_and_can_be_searched(drawing: Drawing) -> None:
    pdf = drawing.card(face(), "pdf")
    assert pdf.startswith(b"%PDF-1.")
    assert pages_of(pdf) == [(242.6, 153.1)]
    assert b"NotoSansBengali-Bold" in unpacked(pdf)


@pytest.mark.parametrize(("cards", "pages"), [(1, 1), (10, 1), (11, 2), (25, 3)])
def test_a_sheet_has_ten_cards_a_page(drawing: Drawing, cards: int, pages: int) -> None:
    assert pages_of(drawing.sheet([face()] * cards)) == [(595.3, 841.9)] * pages


@pytest.mark.parametrize(
    ("name", "name_bn"),
    [
        ("—", None),
        ("A" * 120, None),
        ("A" * 120, "ক্ষু" * 30),
        ("x " * 60, "শ্রী " * 24),
        (None, "রহিমা"),
        ("#panic()", "$ x^2 $ *b* _i_ `c` <l> @r \\ \"q\""),
        ("عائشة", "রহিমা 😀 李"),
    ],
)  # fmt: skip
def test_any_name_can_be_drawn_and_is_never_read_as_markup(
    drawing: Drawing, name: str | None, name_bn: str | None
) -> None:
    drawn = opened(drawing.card(face(name, name_bn), "png"))
    beside = drawn.crop((662, 150, 683, 430))
    assert beside.getextrema()[0] > 230, "a name stays within its place, left of the code"


def test_the_drawing_is_the_same_again_and_does_not_grow_the_process(drawing: Drawing) -> None:
    psutil = pytest.importorskip("psutil")
    assert drawing.card(face(), "png") == drawing.card(face(), "png")
    for count in range(15):
        drawing.card(face(name=f"Rahima {count}"), "png")
    before = psutil.Process().memory_info().rss
    for count in range(60):
        drawing.card(face(name=f"Khatun {count}"), "png")
    assert psutil.Process().memory_info().rss - before < 20 * 2**20


def test_a_service_that_draws_no_card_does_not_carry_the_compiler() -> None:
    said = "import sys, shr_healthid.main, shr_healthid.factory; print('typst' in sys.modules, 'segno' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def unpacked(pdf: bytes) -> bytes:
    """The PDF with its compressed streams opened."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    opened = [pdf]
    for stream in streams:
        try:
            opened.append(zlib.decompress(stream))
        except zlib.error:
            continue
    return b"\n".join(opened)


def pages_of(pdf: bytes) -> list[tuple[float, float]]:
    """Width and height of each page, in points."""
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", unpacked(pdf))
    return [(round(float(width), 1), round(float(height), 1)) for width, height in boxes]


if __name__ == "__main__":
    artist = Drawing(AUTHORITY)
    for who, (name, name_bn) in REFERENCES.items():
        (HERE / f"{who}.png").write_bytes(artist.card(face(name, name_bn), "png"))

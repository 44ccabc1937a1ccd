"""Health cards as PDF, PNG and SVG: one typst template, one code drawn by segno, the fonts beside it."""

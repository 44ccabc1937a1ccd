"""Where artefacts lie."""

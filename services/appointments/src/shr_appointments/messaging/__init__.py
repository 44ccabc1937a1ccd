"""Topics that are followed, one file each."""

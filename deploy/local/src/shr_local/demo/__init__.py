"""The demonstration: one visit, all the way, told as it happens, over the public interfaces only."""

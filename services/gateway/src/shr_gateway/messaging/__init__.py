"""One file per topic: records in, folds out."""

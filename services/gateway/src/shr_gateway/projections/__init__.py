"""Pure folds: what an event makes of a view."""

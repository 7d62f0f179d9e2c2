"""The handlers of the paths that ask models: a file for each dialect or question."""

"""The kinds of run, a folder each."""

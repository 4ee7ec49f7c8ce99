"""Interactive charts, one a file."""

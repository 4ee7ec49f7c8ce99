"""Tables, one a file."""

"""What several gradient methods share. It registers nothing: a method's own file in the folder above does that."""

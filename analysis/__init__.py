"""Records in, tables, figures and a page out: a folder for each kind of run beside what all share. Imports no torch."""

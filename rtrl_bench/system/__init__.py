"""What the operating system has a say in: whole files, standard streams, memory, caches, code of others."""

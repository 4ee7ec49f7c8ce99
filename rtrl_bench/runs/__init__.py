"""What any run is: checked settings, a folder, checkpoints, records, progress, signals. Survives kills."""

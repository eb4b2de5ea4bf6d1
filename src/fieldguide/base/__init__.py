"""What every stage stands on: configuration, paths, files, errors."""

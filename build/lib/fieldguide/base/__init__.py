"""Files, paths, errors, configuration, composing, the runner, git: what every room is built on."""

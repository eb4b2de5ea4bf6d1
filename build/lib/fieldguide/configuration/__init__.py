"""The whole configuration: with all operations loaded, for the commands and the stage `config`."""

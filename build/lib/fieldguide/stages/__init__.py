"""The stages that dvc.yaml runs, one module each; they hand each other tables and never import one another."""

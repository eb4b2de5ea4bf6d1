"""The stages that dvc.yaml runs; they hand each other tables and never import one another."""

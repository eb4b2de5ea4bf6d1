"""Publishing a classifier: a folder that runs as a Hugging Face Space, with a model card and a data card."""

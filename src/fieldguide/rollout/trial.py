"""Trying whether a registered version loads and predicts, as a server would load it."""

import os
import subprocess
import sys

# Loads a version and asks it about a grey picture as a server would: with the version's own code and nothing else.
TRIAL = """
import io, sys
import mlflow, pandas as pd
from PIL import Image
picture = io.BytesIO()
Image.new("RGB", (64, 64), (128, 128, 128)).save(picture, "PNG")
answer = mlflow.pyfunc.load_model(sys.argv[1]).predict(pd.DataFrame({"picture": [picture.getvalue()]}))
label, probability = answer["label"][0], answer["probability"][0]
assert isinstance(label, str) and 0 < probability <= 1, f"it answers {label!r} with probability {probability!r}"
"""


def why_it_does_not_predict(address: str, store: str) -> str:
    """Load a model (`models:/NAME/VERSION`) from a store in a process of its own and ask it; "" if it answers."""
    environment = {**os.environ, "MLFLOW_TRACKING_URI": store, "PYTHONPATH": ""}
    command = [sys.executable, "-c", TRIAL, address]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return (done.stderr.strip().splitlines() or ["no reason given"])[-1][:200] if done.returncode else ""

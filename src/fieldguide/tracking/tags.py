"""The names of tags, artifacts and the experiment in MLflow."""

EXPERIMENT = "fieldguide"
LAUNCHER = "FIELDGUIDE_LAUNCHER"  # names the run of `mlflow run` to the processes that it starts

# Tags of runs
FINGERPRINT = "fieldguide.fingerprint"
DELIVERED = "fieldguide.delivered"
CHECKOUT = "fieldguide.checkout"
FOLDER = "fieldguide.folder"  # that the run is made in: the checkout's, or that of a job
MODEL = "fieldguide.model_sha256"
PROCESS = "fieldguide.process"
CODE = "fieldguide.code"
PARENT = "mlflow.parentRunId"
SWEEP = "fieldguide.sweep"  # the key of a sweep, or of a retraining job, which has its trainings below it too
RETRAINING = "retrain-"  # what the key of a retraining job begins with
DATA_DIGEST = "input.split_sha256"  # of the table of pictures with their sides
ALARM_RATE = "fieldguide.alarm_rate"  # on the test split, of the screen that the run's model has
CONFUSION_MATRIX = "fieldguide.confusion_matrix_sha256"  # of the drawn one that the run shows as an image
LAUNCHED_BY = "fieldguide.launched_by"
DESCRIPTION = "mlflow.note.content"
LOGGED_TABLES = "mlflow.loggedArtifacts"  # which files the UI shows as tables, as JSON

# Artifacts
CONFIG = "environment/config.json"
MATRIX_TABLE = "confusion matrix.json"
METRIC_NAMES = "environment/metric_names.json"  # own names by those in MLflow, where these had to differ
PARAM_NAMES = "environment/param_names.json"
MODEL_FILES = "artifacts"  # the folder in a logged model
SCREEN_FILE = "screen.safetensors"  # among them, once the stage `screen` has run: the model screens too
NETWORK_FILE = "classifier.onnx"  # among them too
MEMBERSHIP_FILE = "pictures.parquet"  # of a logged model

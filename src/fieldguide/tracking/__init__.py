"""Showing runs to MLflow. The files of the checkout are the truth; MLflow is a view of them that can be made again."""

#!/bin/sh
# Makes the role `mlflow` and its two databases: runs, users. A superuser of PostgreSQL runs it once, with the role's
# password in MLFLOW_DATABASE_PASSWORD; the compose file does so at its first start.
set -eu
psql --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv password MLFLOW_DATABASE_PASSWORD
SET log_min_error_statement = panic; -- the password is in no log
CREATE ROLE mlflow LOGIN PASSWORD :'password';
CREATE DATABASE mlflow OWNER mlflow;
CREATE DATABASE mlflow_auth OWNER mlflow;
SQL

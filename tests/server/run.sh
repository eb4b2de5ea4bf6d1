#!/bin/sh
# `make test-server`: a server on PostgreSQL with a bucket, tried for real in a folder that is deleted at the end.
set -eu
folder=$(mktemp -d)
chmod 711 "$folder" # PostgreSQL runs as another user
clean_up() {
    for pid in "$folder"/*/pids/*; do # only what a killed test run has left
        [ -e "$pid" ] && kill -9 -- "-$(cat "$pid")" 2> /dev/null || true
    done
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if ! [ -x /usr/lib/postgresql/15/bin/postgres ]; then
    echo "installing Debian's package postgresql-15, without a cluster of its own; it stays (apt-get purge removes it)"
    root=$([ "$(id -u)" = 0 ] || echo sudo)
    before=$(ls -d /etc/postgresql/15/main /var/lib/postgresql/15/main 2> /dev/null || true) # of an earlier installation
    $root apt-get update --quiet=2
    $root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends postgresql-15
    [ -n "$before" ] || $root pg_dropcluster --stop 15 main
fi
echo "installing MLflow's server, moto and Amazon's client into $folder (about 2 minutes, 1.1 GB; deleted at the end)"
python -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --constraint requirements.lock --requirement docs/server/requirements.txt 'moto[server]>=5.2' awscli
FIELDGUIDE_TEST_SERVER=$folder python -m pytest -m server --basetemp "$folder/pytest" "$@" tests/server

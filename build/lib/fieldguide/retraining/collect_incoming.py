"""What a job looks at: the new rows of an address list, fetched to data/incoming, and all that is there."""

from dataclasses import asdict

import pandas as pd

from fieldguide.base.config import Config
from fieldguide.base.files import read_json, write_json
from fieldguide.base.paths import Paths
from fieldguide.data.addresses import address_list, keys_of, read_addresses
from fieldguide.data.fetching import Fetched, fetch
from fieldguide.data.sources.folder import FolderData
from fieldguide.retraining.arrived import COLUMNS, Arrived, State
from fieldguide.retraining.data_changes import list_files
from fieldguide.retraining.incoming import list_incoming


def collect(cfg: Config, paths: Paths) -> pd.DataFrame:
    """Fetch what is new in data/sources/NAME.csv, if there is one; then see `list_incoming`.

    An address that could not be fetched is a refused row, named by its line, and is tried again by the next job.
    """
    failed = [_refused(result) for result in fetch_new(cfg, paths) if result.problem]
    table = list_incoming(cfg, paths)
    return pd.concat([table, pd.DataFrame(failed, columns=COLUMNS)], ignore_index=True) if failed else table


def fetch_new(cfg: Config, paths: Paths) -> list[Fetched]:
    """Fetch to data/incoming every address that this data set has not taken in and no job here has fetched.

    A picture's name holds its address's key, so a fresh clone knows those of the data set. What was held back, or was a
    copy, is known by a file of the checkout's own.
    """
    name = cfg.choices["data"]
    addresses = address_list(paths, name)
    if not addresses.exists():
        return []
    ledger = paths.retraining / f"fetched-{name}.json"
    before = set(read_json(ledger)) if ledger.exists() else set()
    here = keys_of([*list_files(paths.sources / name), *(path.name for path in paths.incoming.rglob("*"))])
    private = isinstance(cfg.data, FolderData) and cfg.data.allow_private
    results = fetch(read_addresses(addresses), before | here, paths.incoming, private)
    if came := {result.address.key for result in results if result.file} | here - before:
        write_json(ledger, sorted(before | came))
    return results


def _refused(result: Fetched) -> dict[str, object]:
    address = result.address
    return asdict(Arrived(address.shown, address.label, State.REFUSED, result.problem))

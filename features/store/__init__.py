"""The event store: sorted Parquet by buckets of customers, behind a manifest that is swapped whole.

Reading needs neither DuckDB nor a writer's modules: `build`, `append`, `compact` and `erase` are
imported from their own.
"""

from features.store.files import replace_file
from features.store.latest import LatestStore
from features.store.lease import StoreBusyError
from features.store.manifest import Manifest, StoreError
from features.store.reader import EventStore

__all__ = [
    "EventStore",
    "LatestStore",
    "Manifest",
    "StoreBusyError",
    "StoreError",
    "replace_file",
]

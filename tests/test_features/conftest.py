"""What the tests of features share; events in a few words are in `event_rows`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A store is written for each example, and numba compiles within the first one.
settings.register_profile("bocian", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("bocian")

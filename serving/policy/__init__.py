"""Which arm each customer gets: pure mathematics over arrays.

Imports numpy, the standard library and itself; `tests/test_serving/test_policy_is_pure.py` holds
it to that. Rules, consent and caps are worked out elsewhere and arrive as reason codes.
"""

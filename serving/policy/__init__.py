"""Which arm each customer gets: pure mathematics over arrays.

Imports numpy, numba, the standard library and itself, and has no input, output or state;
`tests/test_serving/test_policy_is_pure.py` holds it to that. Rules, consent and caps are worked out
elsewhere and arrive as reason codes.
"""

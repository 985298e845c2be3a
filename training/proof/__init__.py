"""What a policy would have been worth on a log of decisions, beside policies that need no model."""

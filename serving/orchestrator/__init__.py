"""From a decision to a message that the customer has agreed to receive."""

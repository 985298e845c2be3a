"""What each command of `bocian` does, one module a command; imported when it is called."""

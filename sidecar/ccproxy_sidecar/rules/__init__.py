"""The rule engine: one matcher a file, the first rule that matches decides."""

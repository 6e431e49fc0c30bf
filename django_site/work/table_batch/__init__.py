"""Many jobs of one task from a table that a person pastes or uploads."""

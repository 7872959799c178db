"""Where pages come from: each source yields captures, and says what it could not read."""

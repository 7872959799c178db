"""The scheduled jobs: one file, one `JOB = Job(...)`, no logic."""

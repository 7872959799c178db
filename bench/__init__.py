"""What is measured, never what is tested: `make bench`, or one table by its module."""

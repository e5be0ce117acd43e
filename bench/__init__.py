"""What Burble and its peers cost for the same work: `python -m bench` prints one table."""

"""What `burblectl doctor` finds."""

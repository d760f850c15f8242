"""What the live pages show, second by second."""

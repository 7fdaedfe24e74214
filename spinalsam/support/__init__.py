"""Support utilities: numpy and scipy only."""

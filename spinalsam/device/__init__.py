"""Device manager."""

"""Interface: the only place that knows Qt."""

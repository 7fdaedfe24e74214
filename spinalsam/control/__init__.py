"""Controller and business logic, without Qt."""

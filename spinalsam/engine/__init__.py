"""Networks: arrays in, arrays out."""

"""Many cases, one sentence: found, segmented one by one or on many machines, and summed up in a table and a page."""

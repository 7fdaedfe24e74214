"""Tools for masks by hand in the slice panes: brush, eraser, lasso and cut. A pane knows nothing of them."""

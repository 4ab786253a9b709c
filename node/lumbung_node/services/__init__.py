"""Services: they wait, under trio, on ports only."""

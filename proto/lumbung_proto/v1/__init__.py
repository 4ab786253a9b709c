"""Generated stubs; do not edit. `make stubs` writes them."""

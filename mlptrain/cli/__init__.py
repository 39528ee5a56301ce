"""The command line: signatures in `app`, the terminal in `render`, plain text beside them."""

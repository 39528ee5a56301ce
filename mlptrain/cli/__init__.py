"""The command line: signatures in `app`, the terminal in `render`, tables as text in `report`."""

"""A run as one HTML page: figures, tables and pictures, without JavaScript or network."""

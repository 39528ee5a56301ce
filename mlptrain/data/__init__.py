"""From files to arrays: `sources` list examples, `images` decodes them, `loading` does it on every
processor, `read_dataset` makes a `Dataset`, and `batches` feeds the network."""

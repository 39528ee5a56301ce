"""From files to arrays: `sources` list examples, `images` decodes one, `loading` decodes many on
all processors, `read_dataset` builds a `Dataset`, and `batches` feeds the network."""

"""From files to arrays: `source` lists examples, `images` decodes, `read` makes a `Dataset`, `batches`
feeds the network."""

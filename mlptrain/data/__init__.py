"""From files to arrays: `source` lists examples, `images` decodes, `read` makes a `Dataset`, and
`batches` feeds the network."""

"""From YAML to nodes that know their places in the file."""

"""What the bytes of an image say, and what speaks against it: the same words wherever the bytes come from. Pure."""

"""What a terminal can show: colours, symbols, and a block of lines that is drawn again in place."""

"""How the program compares with other clients, with an oracle, and with what is possible at all."""

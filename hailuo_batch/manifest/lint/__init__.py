"""Nothing is sent that the author cannot have meant: what is odd in a campaign that is right."""

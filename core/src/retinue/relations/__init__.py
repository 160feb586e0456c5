"""Relations: who is what to whom, and who decides in an organisation."""

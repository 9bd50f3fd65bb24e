"""What an outside check is handed: its documents, and a page that opens the objects without us. Pure."""

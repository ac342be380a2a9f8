"""The desk: what officers do about alerts from their telephones, and what the bot answers."""

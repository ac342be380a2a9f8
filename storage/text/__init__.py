"""Reading strangers' words: disguises undone, contacts found. Pure; judging and masking share it."""

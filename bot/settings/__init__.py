"""How TOML becomes frozen settings: documents, shapes, keys, units. Entered by `bot.config`."""
